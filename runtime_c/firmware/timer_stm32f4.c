/* timer_stm32f4.c: a 32-bit timer (TIM2) of an STM32F4, fed with its bus clock divided by 4.
 * Registers: RM0090, sections 7.3 (RCC) and 18.4 (TIM2 to TIM5).
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

enum { CR1 = 0x00, EGR = 0x14, CNT = 0x24, PSC = 0x28, ARR = 0x2C };
enum { CR1_ENABLE = 1U << 0, EGR_UPDATE = 1U << 0 };

#define RCC_APB1ENR 0x40023840U
#define RCC_TIM2    (1U << 0)

void timer_init(void) {
    *reg(RCC_APB1ENR) |= RCC_TIM2;
    *reg(BOARD_TIMER_BASE + PSC) = 4U - 1U;
    *reg(BOARD_TIMER_BASE + ARR) = UINT32_MAX;
    *reg(BOARD_TIMER_BASE + EGR) = EGR_UPDATE; /* takes the prescaler over */
    *reg(BOARD_TIMER_BASE + CR1) = CR1_ENABLE;
}

uint32_t timer_read(void) { return *reg(BOARD_TIMER_BASE + CNT); }
