/* stm32.h: what the drivers of the STM32 families have in common.
 * GPIO registers: RM0090, section 8.4; the same in all families but the F1.
 * SPDX-License-Identifier: MIT-0 */
#ifndef STM32_H
#define STM32_H

#include "platform.h"

enum { GPIO_MODER = 0x00, GPIO_PUPDR = 0x0C, GPIO_AFRL = 0x20 };
enum { GPIO_ALTERNATE = 2, GPIO_PULL_UP = 1 };

/// Replaces the bits of a mask.
static inline void set_field(uint32_t address, uint32_t mask, uint32_t value) {
    *reg(address) = (*reg(address) & ~mask) | value;
}

/// Waits until the bits of a mask have a value; false after a time that no oscillator, regulator
/// or PLL of these families needs: 50,000 reads are 5 ms and more at 64 MHz, 20 ms at 16 MHz.
static inline bool wait_for(uint32_t address, uint32_t mask, uint32_t value) {
    for (uint32_t reads = 0; reads < 50000U; reads++) {
        if ((*reg(address) & mask) == value) {
            return true;
        }
    }
    return false;
}

/// Gives a pin to a peripheral; the pull-up makes an open line read as idle.
static inline void pin_function(uint32_t port, uint32_t pin, uint32_t function) {
    const uint32_t nibble = 4U * (pin % 8U);
    set_field(port + GPIO_AFRL + 4U * (pin / 8U), 0xFU << nibble, function << nibble);
    set_field(port + GPIO_PUPDR, 3U << (2U * pin), (uint32_t)GPIO_PULL_UP << (2U * pin));
    set_field(port + GPIO_MODER, 3U << (2U * pin), (uint32_t)GPIO_ALTERNATE << (2U * pin));
}

#endif /* STM32_H */
