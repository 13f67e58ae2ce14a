/* uart_nrf51.c: the UART of an nRF51, and of an nRF52 without its DMA. Pins are numbered through:
 * 32 is P1.00. Registers: nRF51 Series Reference Manual 3.0, chapters 13 (CLOCK), 14 (GPIO) and 29
 * (UART); the same in nRF52840 Product Specification 1.1, sections 5.4 (CLOCK), 6.9 (GPIO) and 6.33
 * (UART). SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

enum {
    START_RX = 0x000,
    START_TX = 0x008,
    RX_READY = 0x108,
    TX_READY = 0x11C,
    INTERRUPT_SET = 0x304
};
enum { ENABLE = 0x500, SELECT_TX = 0x50C, SELECT_RX = 0x514 };
enum { RXD = 0x518, TXD = 0x51C, BAUD = 0x524 };

#define CLOCK_HFCLKSTART   0x40000000U
#define CLOCK_HFCLKSTARTED 0x40000100U
#define GPIO_OUTSET(port)  (0x50000508U + 0x300U * (port))
#define GPIO_DIRSET(port)  (0x50000518U + 0x300U * (port))
#define UART_ENABLED       4U
#define INTERRUPT_RX_READY (1U << 2)

/* The rates of the reference manual, table 268; a formula gives others. */
static uint32_t rate_code(uint32_t baud) {
    switch (baud) {
    case 9600U:
        return 0x00275000U;
    case 57600U:
        return 0x00EBF000U;
    case 115200U:
        return 0x01D7E000U;
    case 230400U:
        return 0x03AFB000U;
    case 460800U:
        return 0x075F7000U;
    case 921600U:
        return 0x0EBEDFA4U;
    default:
        return 0U;
    }
}

void uart_init(void) {
    *reg(CLOCK_HFCLKSTART) = 1U; /* the crystal: the RC oscillator is too far off for a UART */
    while (*reg(CLOCK_HFCLKSTARTED) == 0U) {
    }
    const uint32_t port = BOARD_UART_TX_PIN / 32U;
    const uint32_t mask = 1U << (BOARD_UART_TX_PIN % 32U);
    *reg(GPIO_OUTSET(port)) = mask; /* idle before it becomes an output */
    *reg(GPIO_DIRSET(port)) = mask;
    *reg(BOARD_UART_BASE + SELECT_TX) = BOARD_UART_TX_PIN;
    *reg(BOARD_UART_BASE + SELECT_RX) = BOARD_UART_RX_PIN;
    *reg(BOARD_UART_BASE + BAUD) = rate_code(BOARD_UART_BAUD);
    *reg(BOARD_UART_BASE + ENABLE) = UART_ENABLED;
    *reg(BOARD_UART_BASE + INTERRUPT_SET) = INTERRUPT_RX_READY;
    irq_enable(BOARD_UART_IRQ);
    *reg(BOARD_UART_BASE + START_TX) = 1U;
    *reg(BOARD_UART_BASE + START_RX) = 1U;
}

void uart_put(char c) {
    *reg(BOARD_UART_BASE + TX_READY) = 0U;
    *reg(BOARD_UART_BASE + TXD) = (uint8_t)c;
    while (*reg(BOARD_UART_BASE + TX_READY) == 0U) {
    }
}

/* uart_put() returns when its byte is on the wire. */
bool uart_set_baud(uint32_t baud) {
    const uint32_t code = rate_code(baud);
    if (code != 0U) {
        *reg(BOARD_UART_BASE + BAUD) = code;
    }
    return code != 0U;
}

int32_t uart_poll(void) {
    if (*reg(BOARD_UART_BASE + RX_READY) == 0U) {
        return UART_NOTHING;
    }
    *reg(BOARD_UART_BASE + RX_READY) = 0U; /* before reading, which raises it for the next byte */
    return (int32_t)(*reg(BOARD_UART_BASE + RXD) & 0xFFU);
}

void uart_wait(void) { irq_wait(BOARD_UART_IRQ); }
