/* lpuart.h: the LPUART of NXP's i.MX RT and MCX, without its pins and clocks.
 * Registers: i.MX RT1060 Reference Manual (IMXRT1060RM), section 49.4.
 * SPDX-License-Identifier: MIT-0 */
#ifndef LPUART_H
#define LPUART_H

#include "board.h"
#include "platform.h"

enum { LPUART_BAUD = 0x10, LPUART_STAT = 0x14, LPUART_CTRL = 0x18, LPUART_DATA = 0x1C };
enum { STAT_OR = 1U << 19, STAT_RDRF = 1U << 21, STAT_TC = 1U << 22, STAT_TDRE = 1U << 23 };
enum { CTRL_RE = 1U << 18, CTRL_TE = 1U << 19, CTRL_RIE = 1U << 21 };
enum { LEAST_SAMPLES = 8, MOST_SAMPLES = 16, MOST_DIVIDER = 0x1FFF };

/// Samples a bit and divider, as LPUART_BAUD has them, that come nearest to a rate; 0 if they are
/// more than 2 % off. The rate is the clock over the samples over the divider.
static inline uint32_t lpuart_rate(uint32_t baud) {
    uint32_t rate = 0U;
    uint32_t least = baud / 50U + 1U;
    for (uint32_t samples = MOST_SAMPLES; samples >= LEAST_SAMPLES; samples--) {
        const uint32_t divider = baud_divider(BOARD_UART_CLOCK_HZ / samples, baud);
        if (divider == 0U || divider > MOST_DIVIDER) {
            continue;
        }
        const uint32_t made = BOARD_UART_CLOCK_HZ / samples / divider;
        const uint32_t off = (made > baud) ? made - baud : baud - made;
        if (off < least) {
            least = off;
            rate = ((samples - 1U) << 24) | divider;
        }
    }
    return rate;
}

static inline void lpuart_run(uint32_t rate) {
    *reg(BOARD_UART_BASE + LPUART_CTRL) = 0U; /* the rate changes only while it is off */
    *reg(BOARD_UART_BASE + LPUART_BAUD) = rate;
    *reg(BOARD_UART_BASE + LPUART_CTRL) =
        (uint32_t)CTRL_TE | (uint32_t)CTRL_RE | (uint32_t)CTRL_RIE;
}

static inline void lpuart_start(void) {
    lpuart_run(lpuart_rate(BOARD_UART_BAUD));
    irq_enable(BOARD_UART_IRQ);
}

static inline bool lpuart_set_baud(uint32_t baud) {
    const uint32_t rate = lpuart_rate(baud);
    if (rate == 0U) {
        return false;
    }
    while ((*reg(BOARD_UART_BASE + LPUART_STAT) & STAT_TC) == 0U) {
    }
    lpuart_run(rate);
    return true;
}

static inline void lpuart_put(char c) {
    while ((*reg(BOARD_UART_BASE + LPUART_STAT) & STAT_TDRE) == 0U) {
    }
    *reg(BOARD_UART_BASE + LPUART_DATA) = (uint8_t)c;
}

/// An overrun stops the receiver until it is cleared, by writing its bit.
static inline int32_t lpuart_poll(void) {
    const uint32_t status = *reg(BOARD_UART_BASE + LPUART_STAT);
    if ((status & STAT_OR) != 0U) {
        *reg(BOARD_UART_BASE + LPUART_STAT) = STAT_OR;
    }
    if ((status & STAT_RDRF) == 0U) {
        return UART_NOTHING;
    }
    return (int32_t)(*reg(BOARD_UART_BASE + LPUART_DATA) & 0xFFU);
}

#endif /* LPUART_H */
