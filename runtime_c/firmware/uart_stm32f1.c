/* uart_stm32f1.c: USART1 of an STM32F1 on PA9 (TX) and PA10 (RX), 8N1.
 * Registers: RM0041, sections 6.3 (RCC), 7.2 (GPIO) and 23.6 (USART).
 * SPDX-License-Identifier: MIT-0 */
#include "stm32.h"
#include "stm32_usart1.h"

#define RCC_APB2ENR 0x40021018U
#define RCC_GPIOA   (1U << 2)
#define RCC_USART1  (1U << 14)
#define GPIOA_CRH   0x40010804U
#define GPIOA_ODR   0x4001080CU

void uart_init(void) {
    *reg(RCC_APB2ENR) |= RCC_GPIOA | RCC_USART1;
    *reg(GPIOA_ODR) |= 1U << 10;          /* pulls RX up: an open line reads as idle */
    set_field(GPIOA_CRH, 0xFF0U, 0x8B0U); /* PA9 alternate, push-pull; PA10 input, pulled */
    usart_start();
}

bool uart_set_baud(uint32_t baud) { return usart_set_baud(baud); }

void uart_put(char c) { usart_put(c); }

int32_t uart_poll(void) { return usart_poll(); }

void uart_wait(void) { irq_wait(BOARD_UART_IRQ); }
