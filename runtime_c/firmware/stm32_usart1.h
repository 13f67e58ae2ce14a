/* stm32_usart1.h: the USART of the older STM32 families (F1, F2, F4), without its pins.
 * Registers: RM0090, section 30.6.
 * SPDX-License-Identifier: MIT-0 */
#ifndef STM32_USART1_H
#define STM32_USART1_H

#include "board.h"
#include "platform.h"

enum { USART_SR = 0x00, USART_DR = 0x04, USART_BRR = 0x08, USART_CR1 = 0x0C };
enum { SR_RXNE = 1U << 5, SR_TC = 1U << 6, SR_TXE = 1U << 7 };
enum { CR1_RE = 1U << 2, CR1_TE = 1U << 3, CR1_RXNEIE = 1U << 5, CR1_UE = 1U << 13 };
enum { USART_LEAST_DIVIDER = 16 };

static inline uint32_t usart_divider(uint32_t baud) {
    return baud_divider(clock_rate(BOARD_UART_CLOCK_HZ, BOARD_UART_RESET_HZ), baud);
}

static inline void usart_start(void) {
    *reg(BOARD_UART_BASE + USART_BRR) = usart_divider(BOARD_UART_BAUD);
    *reg(BOARD_UART_BASE + USART_CR1) = CR1_UE | CR1_TE | CR1_RE | CR1_RXNEIE;
    irq_enable(BOARD_UART_IRQ);
}

static inline bool usart_set_baud(uint32_t baud) {
    const uint32_t divider = usart_divider(baud);
    if (divider < USART_LEAST_DIVIDER) {
        return false;
    }
    while ((*reg(BOARD_UART_BASE + USART_SR) & SR_TC) == 0U) {
    }
    *reg(BOARD_UART_BASE + USART_BRR) = divider;
    return true;
}

static inline void usart_put(char c) {
    while ((*reg(BOARD_UART_BASE + USART_SR) & SR_TXE) == 0U) {
    }
    *reg(BOARD_UART_BASE + USART_DR) = (uint8_t)c;
}

/// Reading SR and then DR also clears an overrun.
static inline int32_t usart_poll(void) {
    if ((*reg(BOARD_UART_BASE + USART_SR) & SR_RXNE) == 0U) {
        return UART_NOTHING;
    }
    return (int32_t)(*reg(BOARD_UART_BASE + USART_DR) & 0xFFU);
}

#endif /* STM32_USART1_H */
