/* timer_stm32g0.c: TIM2 of an STM32G0, 32 bits, for cores without a cycle counter.
 * Registers: RM0444, sections 5.4 (RCC) and 22.4 (TIM2).
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

enum { CR1 = 0x00, CNT = 0x24, ARR = 0x2C };
enum { CR1_ENABLE = 1U << 0 };

#define RCC_APBENR1 0x4002103CU
#define RCC_TIM2    (1U << 0)

void timer_init(void) {
    *reg(RCC_APBENR1) |= RCC_TIM2;
    *reg(BOARD_TIMER_BASE + ARR) = UINT32_MAX;
    *reg(BOARD_TIMER_BASE + CR1) = CR1_ENABLE;
}

uint32_t timer_read(void) { return *reg(BOARD_TIMER_BASE + CNT); }
