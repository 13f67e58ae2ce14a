/* timer_rp2040.c: the timer of an RP2040, which counts microseconds of its crystal.
 * Registers: RP2040 datasheet, sections 4.6.5 (TIMER) and 4.7.6 (WATCHDOG, which makes its tick).
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "rp2.h"

enum { TIMERAWL = 0x28 };

#define RESETS        0x4000C000U
#define RESETS_TIMER  (1U << 21)
#define WATCHDOG_TICK 0x4005802CU
#define TICK_ENABLE   (1U << 9)

void timer_init(void) {
    unreset(RESETS, RESETS_TIMER);
    *reg(WATCHDOG_TICK) = TICK_ENABLE | 12U; /* MHz */
}

uint32_t timer_read(void) { return *reg(BOARD_TIMER_BASE + TIMERAWL); }
