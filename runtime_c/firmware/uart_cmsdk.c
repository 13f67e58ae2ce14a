/* uart_cmsdk.c: the APB UART of Arm's Cortex-M System Design Kit (MPS2 and MPS3 boards).
 * Registers: Cortex-M System Design Kit TRM (DDI 0479), section 4.3.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

enum { DATA = 0x00, STATE = 0x04, CTRL = 0x08, INTCLEAR = 0x0C, BAUDDIV = 0x10 };
enum { STATE_TX_FULL = 1U << 0, STATE_RX_FULL = 1U << 1, STATE_RX_OVERRUN = 1U << 3 };
enum { CTRL_TX_ENABLE = 1U << 0, CTRL_RX_ENABLE = 1U << 1, CTRL_RX_INTERRUPT = 1U << 3 };
enum { INTCLEAR_RX = 1U << 1 };
enum { LEAST_DIVIDER = 16 };

void uart_init(void) {
    *reg(BOARD_UART_BASE + BAUDDIV) = BOARD_UART_CLOCK_HZ / BOARD_UART_BAUD; /* at least 16 */
    *reg(BOARD_UART_BASE + CTRL) = CTRL_TX_ENABLE | CTRL_RX_ENABLE | CTRL_RX_INTERRUPT;
    irq_enable(BOARD_UART_IRQ);
}

/* There is no sign that the last byte has left: the transmitter is given the time of two. */
bool uart_set_baud(uint32_t baud) {
    const uint32_t divider = baud_divider(BOARD_UART_CLOCK_HZ, baud);
    if (divider < LEAST_DIVIDER) {
        return false;
    }
    while ((*reg(BOARD_UART_BASE + STATE) & STATE_TX_FULL) != 0U) {
    }
    const uint32_t bits = 20U * *reg(BOARD_UART_BASE + BAUDDIV);
    for (volatile uint32_t clocks = 0U; clocks < bits; clocks++) {
    }
    *reg(BOARD_UART_BASE + BAUDDIV) = divider;
    return true;
}

void uart_put(char c) {
    while ((*reg(BOARD_UART_BASE + STATE) & STATE_TX_FULL) != 0U) {
    }
    *reg(BOARD_UART_BASE + DATA) = (uint8_t)c;
}

int32_t uart_poll(void) {
    if ((*reg(BOARD_UART_BASE + STATE) & STATE_RX_FULL) == 0U) {
        return UART_NOTHING;
    }
    *reg(BOARD_UART_BASE + STATE) = STATE_RX_OVERRUN; /* written to be cleared */
    *reg(BOARD_UART_BASE + INTCLEAR) = INTCLEAR_RX;   /* before reading: then the next may come */
    return (int32_t)(*reg(BOARD_UART_BASE + DATA) & 0xFFU);
}

void uart_wait(void) { irq_wait(BOARD_UART_IRQ); }
