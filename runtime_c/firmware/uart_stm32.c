/* uart_stm32.c: a USART or LPUART of the newer STM32 families (F7, G0, H7, L4, U5), 8N1.
 * An LPUART divides 256 times its clock. FIFOs stay off.
 * Registers: RM0432, sections 48.8 (USART) and 49.7 (LPUART); the same in the other families.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "stm32.h"

enum { CR1 = 0x00, BRR = 0x0C, ISR = 0x1C, ICR = 0x20, RDR = 0x24, TDR = 0x28 };
enum { ISR_ORE = 1U << 3, ISR_RXNE = 1U << 5, ISR_TC = 1U << 6, ISR_TXE = 1U << 7 };
enum { CR1_UE = 1U << 0, CR1_RE = 1U << 2, CR1_TE = 1U << 3, CR1_RXNEIE = 1U << 5 };
enum { LEAST_DIVIDER = 16, LEAST_LP_DIVIDER = 768, MOST_LP_DIVIDER = 0xFFFFF };

/* 0 where the rate cannot be made. */
static uint32_t divider_of(uint32_t baud) {
    const uint32_t clock = clock_rate(BOARD_UART_CLOCK_HZ, BOARD_UART_RESET_HZ);
    if (BOARD_UART_LOW_POWER != 0U) {
        /* in two steps: a division of 64 bits takes 700 bytes of flash */
        const uint32_t part = ((clock % baud) * 256U + baud / 2U) / baud;
        const uint32_t whole = clock / baud;
        const uint32_t divider = (whole > MOST_LP_DIVIDER / 256U) ? 0U : whole * 256U + part;
        return (divider < LEAST_LP_DIVIDER) ? 0U : divider;
    }
    const uint32_t divider = baud_divider(clock, baud);
    return (divider < LEAST_DIVIDER) ? 0U : divider;
}

void uart_init(void) {
    *reg(BOARD_UART_GPIO_ENABLE) |= BOARD_UART_GPIO_ENABLE_BITS;
    *reg(BOARD_UART_ENABLE) |= BOARD_UART_ENABLE_BITS;
    pin_function(BOARD_UART_PORT, BOARD_UART_TX_PIN, BOARD_UART_PIN_FUNCTION);
    pin_function(BOARD_UART_PORT, BOARD_UART_RX_PIN, BOARD_UART_PIN_FUNCTION);
    *reg(BOARD_UART_BASE + BRR) = divider_of(BOARD_UART_BAUD);
    *reg(BOARD_UART_BASE + CR1) = CR1_UE | CR1_TE | CR1_RE | CR1_RXNEIE;
    irq_enable(BOARD_UART_IRQ);
}

/* The divider can be written only while the UART is off. */
bool uart_set_baud(uint32_t baud) {
    const uint32_t divider = divider_of(baud);
    if (divider == 0U) {
        return false;
    }
    while ((*reg(BOARD_UART_BASE + ISR) & ISR_TC) == 0U) {
    }
    *reg(BOARD_UART_BASE + CR1) &= ~(uint32_t)CR1_UE;
    *reg(BOARD_UART_BASE + BRR) = divider;
    *reg(BOARD_UART_BASE + CR1) |= CR1_UE;
    return true;
}

void uart_put(char c) {
    while ((*reg(BOARD_UART_BASE + ISR) & ISR_TXE) == 0U) {
    }
    *reg(BOARD_UART_BASE + TDR) = (uint8_t)c;
}

int32_t uart_poll(void) {
    const uint32_t status = *reg(BOARD_UART_BASE + ISR);
    *reg(BOARD_UART_BASE + ICR) = ISR_ORE; /* an overrun would stop the receiver */
    if ((status & ISR_RXNE) == 0U) {
        return UART_NOTHING;
    }
    return (int32_t)(*reg(BOARD_UART_BASE + RDR) & 0xFFU);
}

void uart_wait(void) { irq_wait(BOARD_UART_IRQ); }
