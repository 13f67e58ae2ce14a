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
