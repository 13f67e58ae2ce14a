/* platform.h: what a board's drivers provide to the harness.
 * SPDX-License-Identifier: MIT-0 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdint.h>

void uart_init(void);

void uart_put(char c);

/// Waits for the next byte; negative when the other end has gone, which only the host can see.
int32_t uart_get(void);

void timer_init(void);

/// A counter of 32 bits that runs up at BOARD_TIMER_HZ and wraps.
uint32_t timer_read(void);

/// Fills the unused stack with a pattern.
void stack_paint(void);

/// Bytes of stack below the caller that were used since stack_paint(); negative when unknown.
int32_t stack_used(void);

/// A register of 32 bits.
static inline volatile uint32_t *reg(uint32_t address) {
    return (volatile uint32_t *)(uintptr_t)address;
}

#endif /* PLATFORM_H */
