/* timer_cmsdk.c: the APB timer of Arm's Cortex-M System Design Kit, which counts down.
 * Registers: Cortex-M System Design Kit TRM (DDI 0479), section 4.1.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

enum { CTRL = 0x00, VALUE = 0x04, RELOAD = 0x08 };
enum { CTRL_ENABLE = 1U << 0 };

void timer_init(void) {
    *reg(BOARD_TIMER_BASE + RELOAD) = UINT32_MAX;
    *reg(BOARD_TIMER_BASE + VALUE) = UINT32_MAX;
    *reg(BOARD_TIMER_BASE + CTRL) = CTRL_ENABLE;
}

uint32_t timer_read(void) { return ~*reg(BOARD_TIMER_BASE + VALUE); }
