/* platform.h: what a board's drivers provide to the harness.
 * SPDX-License-Identifier: MIT-0 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

enum { UART_NOTHING = -1, UART_GONE = -2 };

/// Raises the core and its buses to full speed, with caches and flash wait states. False where an
/// oscillator did not start: the clocks are then those after a reset.
bool clock_init(void);

/// What clock_init() said, for the drivers that divide clocks.
extern bool clocks_are_raised;

/// A clock that clock_init() changes.
static inline uint32_t clock_rate(uint32_t raised_hz, uint32_t reset_hz) {
    return clocks_are_raised ? raised_hz : reset_hz;
}

/// Sets the UART up: BOARD_UART_BAUD, eight bits, no parity.
void uart_init(void);

/// Changes the rate when all that was put is on the wire. False, and no change, where the clock
/// cannot be divided to within 2 % of it.
bool uart_set_baud(uint32_t baud);

/// Sends a byte; waits while there is no room for it.
void uart_put(char c);

/// The next byte, or UART_NOTHING at once when none has come. UART_GONE when the other end has
/// gone, which only the host can see. Errors of the line (overrun, framing) are cleared and
/// ignored: what they damage, checksums find.
int32_t uart_poll(void);

/// Sleeps until a byte may have come; may return too early.
void uart_wait(void);

void timer_init(void);

/// A counter of 32 bits that runs up at BOARD_TIMER_HZ, or BOARD_TIMER_RESET_HZ, and wraps.
uint32_t timer_read(void);

/// Starts the counter of core clocks; false where there is none, or where it does not count.
bool cycles_init(void);

/// Clocks of the core, 32 bits that wrap.
uint32_t cycles_read(void);

/// Makes the pin an output, low.
void pin_init(void);

void pin_set(bool high);

/// Fills the unused stack with a pattern.
void stack_paint(void);

/// Bytes of stack below the caller that were used since stack_paint(); negative when unknown.
int32_t stack_used(void);

/// A register of 32 bits.
static inline volatile uint32_t *reg(uint32_t address) {
    return (volatile uint32_t *)(uintptr_t)address;
}

/// The divider of a clock that comes nearest to a rate; 0 if it is more than 2 % off.
static inline uint32_t baud_divider(uint32_t clock_hz, uint32_t baud) {
    if (baud == 0U || baud > clock_hz) {
        return 0U;
    }
    const uint32_t divider = (clock_hz + baud / 2U) / baud;
    const uint32_t made = clock_hz / divider;
    const uint32_t off = (made > baud) ? made - baud : baud - made;
    return (off <= baud / 50U) ? divider : 0U;
}

/// Lets an interrupt end irq_wait(). Interrupts only wake the core; none has a handler.
static inline void irq_enable(uint32_t irq) {
    __asm__ volatile("cpsid i" ::: "memory");
    *reg(0xE000E100U + 4U * (irq / 32U)) = 1U << (irq % 32U); /* NVIC_ISER */
}

/// Sleeps until an enabled interrupt is pending, and clears it. It may return too early.
static inline void irq_wait(uint32_t irq) {
    __asm__ volatile("wfi" ::: "memory");
    *reg(0xE000E280U + 4U * (irq / 32U)) = 1U << (irq % 32U); /* NVIC_ICPR */
}

#endif /* PLATFORM_H */
