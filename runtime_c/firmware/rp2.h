/* rp2.h: what the drivers of the RP2040 and RP2350 have in common.
 * SPDX-License-Identifier: MIT-0 */
#ifndef RP2_H
#define RP2_H

#include "platform.h"

enum { RESET_DONE = 0x08 }; /* from the register RESET on */
enum { ATOMIC_CLEAR = 0x3000 };

/// Takes peripherals out of reset; `resets` is the address of the register.
static inline void unreset(uint32_t resets, uint32_t bits) {
    *reg(resets + ATOMIC_CLEAR) = bits;
    while ((*reg(resets + RESET_DONE) & bits) != bits) {
    }
}

#endif /* RP2_H */
