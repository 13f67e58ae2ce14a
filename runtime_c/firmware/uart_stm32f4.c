/* uart_stm32f4.c: a USART of an STM32F4, 8N1.
 * Registers: RM0090, sections 7.3 (RCC), 8.4 (GPIO) and 30.6 (USART).
 * SPDX-License-Identifier: MIT-0 */
#include "stm32.h"
#include "stm32_usart1.h"

void uart_init(void) {
    *reg(BOARD_UART_GPIO_ENABLE) |= BOARD_UART_GPIO_ENABLE_BITS;
    *reg(BOARD_UART_ENABLE) |= BOARD_UART_ENABLE_BITS;
    pin_function(BOARD_UART_PORT, BOARD_UART_TX_PIN, BOARD_UART_PIN_FUNCTION);
    pin_function(BOARD_UART_PORT, BOARD_UART_RX_PIN, BOARD_UART_PIN_FUNCTION);
    usart_start();
}

bool uart_set_baud(uint32_t baud) { return usart_set_baud(baud); }

void uart_put(char c) { usart_put(c); }

int32_t uart_poll(void) { return usart_poll(); }

void uart_wait(void) { irq_wait(BOARD_UART_IRQ); }
