/* ra8.h: what the drivers of the RA8 have in common: narrow registers, and the key to protected
 * ones. Registers: RA8M1 User's Manual (R01UH0994); the same in the RA8D1's.
 * SPDX-License-Identifier: MIT-0 */
#ifndef RA8_H
#define RA8_H

#include "platform.h"

#define PRCR             0x4001E3FAU /* of the secure state, in which the chip starts */
#define PRCR_KEY         0xA500U
#define PRCR_CLOCKS      1U
#define PRCR_MODULE_STOP 2U

static inline volatile uint8_t *reg8(uint32_t address) {
    return (volatile uint8_t *)(uintptr_t)address;
}

static inline volatile uint16_t *reg16(uint32_t address) {
    return (volatile uint16_t *)(uintptr_t)address;
}

#endif /* RA8_H */
