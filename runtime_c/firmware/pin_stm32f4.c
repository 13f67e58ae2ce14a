/* pin_stm32f4.c: a GPIO pin of an STM32F4.
 * Registers: RM0090, sections 7.3 (RCC) and 8.4 (GPIO). Ports lie 1 KiB apart from GPIOA on, and
 * their clocks are enabled by bits in the same order.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

enum { MODER = 0x00, BSRR = 0x18 };

#define RCC_AHB1ENR 0x40023830U
#define GPIOA       0x40020000U

void pin_init(void) {
    *reg(RCC_AHB1ENR) |= 1U << ((BOARD_PIN_BASE - GPIOA) / 0x400U);
    pin_set(false); /* before it becomes an output */
    const uint32_t mode = *reg(BOARD_PIN_BASE + MODER) & ~(3U << (2U * BOARD_PIN));
    *reg(BOARD_PIN_BASE + MODER) = mode | (1U << (2U * BOARD_PIN));
}

void pin_set(bool high) {
    *reg(BOARD_PIN_BASE + BSRR) = 1U << (high ? BOARD_PIN : BOARD_PIN + 16U);
}
