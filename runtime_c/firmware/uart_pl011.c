/* uart_pl011.c: UART0 of an RP2040 or RP2350, Arm's PL011, 8N1.
 * Registers: RP2040 datasheet, sections 2.19 (GPIO) and 4.2.8 (UART). A pad of the RP2350 is
 * isolated until it is set up: RP2350 datasheet, section 9.7. SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "rp2.h"

enum { DR = 0x00, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2C, CR = 0x30 };
enum { FR_BUSY = 1U << 3, FR_RX_EMPTY = 1U << 4, FR_TX_FULL = 1U << 5 };
enum { LCR_FIFO = 1U << 4, LCR_8_BITS = 3U << 5 };
enum { CR_ENABLE = 1U << 0, CR_TX = 1U << 8, CR_RX = 1U << 9 };
enum { FUNCTION_UART = 2 };
enum { PAD_PULL_UP = 1U << 3, PAD_4_MA = 1U << 4, PAD_INPUT = 1U << 6 };

static void use_pin(uint32_t pin) {
    *reg(BOARD_UART_PADS + 4U + 4U * pin) =
        (uint32_t)PAD_PULL_UP | (uint32_t)PAD_4_MA | (uint32_t)PAD_INPUT;
    *reg(BOARD_UART_IO + 4U + 8U * pin) = FUNCTION_UART;
}

/* Sixty-fourths of the divider: the clock over 16 times the rate. 0 where it cannot be made. */
static uint32_t divider_of(uint32_t baud) {
    const uint32_t sixty_fourths = (BOARD_UART_CLOCK_HZ * 4U + baud / 2U) / baud; /* under 1 GHz */
    return (sixty_fourths < 64U || sixty_fourths >= 65536U * 64U) ? 0U : sixty_fourths;
}

/* The dividers are taken over by a write to LCR_H. */
static void set_divider(uint32_t sixty_fourths) {
    *reg(BOARD_UART_BASE + IBRD) = sixty_fourths / 64U;
    *reg(BOARD_UART_BASE + FBRD) = sixty_fourths % 64U;
    *reg(BOARD_UART_BASE + LCR_H) = (uint32_t)LCR_8_BITS | (uint32_t)LCR_FIFO;
}

void uart_init(void) {
    unreset(BOARD_UART_RESETS, BOARD_UART_RESET_BITS); /* UART0, IO and pads */
    set_divider(divider_of(BOARD_UART_BAUD));
    *reg(BOARD_UART_BASE + CR) = (uint32_t)CR_ENABLE | (uint32_t)CR_TX | (uint32_t)CR_RX;
    use_pin(BOARD_UART_TX_PIN);
    use_pin(BOARD_UART_RX_PIN);
}

bool uart_set_baud(uint32_t baud) {
    const uint32_t sixty_fourths = (baud == 0U) ? 0U : divider_of(baud);
    if (sixty_fourths == 0U) {
        return false;
    }
    while ((*reg(BOARD_UART_BASE + FR) & FR_BUSY) != 0U) {
    }
    set_divider(sixty_fourths);
    return true;
}

void uart_put(char c) {
    while ((*reg(BOARD_UART_BASE + FR) & FR_TX_FULL) != 0U) {
    }
    *reg(BOARD_UART_BASE + DR) = (uint8_t)c;
}

/* The error bits of a byte come with it, and need no clearing. */
int32_t uart_poll(void) {
    if ((*reg(BOARD_UART_BASE + FR) & FR_RX_EMPTY) != 0U) {
        return UART_NOTHING;
    }
    return (int32_t)(*reg(BOARD_UART_BASE + DR) & 0xFFU);
}

/* Its FIFO raises no interrupt for each byte, so it is polled. */
void uart_wait(void) {}
