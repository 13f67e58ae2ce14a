/* timer_nrf51.c: TIMER0 of an nRF51, the one with 32 bits, at 16 MHz.
 * Registers: nRF51 Series Reference Manual 3.0, chapter 18.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

enum { START = 0x000, CAPTURE0 = 0x040, BITMODE = 0x508, PRESCALER = 0x510, CC0 = 0x540 };
enum { BITMODE_32 = 3 };

void timer_init(void) {
    *reg(BOARD_TIMER_BASE + BITMODE) = BITMODE_32;
    *reg(BOARD_TIMER_BASE + PRESCALER) = 0U;
    *reg(BOARD_TIMER_BASE + START) = 1U;
}

uint32_t timer_read(void) {
    *reg(BOARD_TIMER_BASE + CAPTURE0) = 1U;
    return *reg(BOARD_TIMER_BASE + CC0);
}
