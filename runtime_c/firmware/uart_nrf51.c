/* uart_nrf51.c: the UART of an nRF51, on the pins of the micro:bit.
 * Registers: nRF51 Series Reference Manual 3.0, chapters 13 (CLOCK), 14 (GPIO) and 29 (UART).
 * SPDX-License-Identifier: MIT-0 */
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
enum { PIN_TX = 24, PIN_RX = 25 };

#define CLOCK_HFCLKSTART   0x40000000U
#define CLOCK_HFCLKSTARTED 0x40000100U
#define GPIO_OUTSET        0x50000508U
#define GPIO_DIRSET        0x50000518U
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
    *reg(GPIO_OUTSET) = 1U << PIN_TX; /* idle before it becomes an output */
    *reg(GPIO_DIRSET) = 1U << PIN_TX;
    *reg(BOARD_UART_BASE + SELECT_TX) = PIN_TX;
    *reg(BOARD_UART_BASE + SELECT_RX) = PIN_RX;
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
