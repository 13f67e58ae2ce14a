/* cortex_m7.h: the caches of a Cortex-M7, which come out of reset disabled.
 * Registers: Armv7-M Architecture Reference Manual (DDI 0403), sections B3.2.8 (CCR), B2.2.7 (cache
 * maintenance) and B4.8 (identification).
 * SPDX-License-Identifier: MIT-0 */
#ifndef CORTEX_M7_H
#define CORTEX_M7_H

#include "platform.h"

#define SCB_CCR     0xE000ED14U
#define SCB_CCSIDR  0xE000ED80U
#define SCB_CSSELR  0xE000ED84U
#define SCB_ICIALLU 0xE000EF50U
#define SCB_DCISW   0xE000EF60U

/// Invalidates and enables the caches for instructions and data; call it once.
static inline void caches_enable(void) {
    *reg(SCB_ICIALLU) = 0U;
    *reg(SCB_CSSELR) = 0U; /* the data cache of level 1 */
    __asm__ volatile("dsb" ::: "memory");
    const uint32_t size = *reg(SCB_CCSIDR);
    const uint32_t last_set = (size >> 13) & 0x7FFFU;
    const uint32_t last_way = (size >> 3) & 0x3FFU; /* 3: four ways, in the two upper bits */
    for (uint32_t set = 0; set <= last_set; set++) {
        for (uint32_t way = 0; way <= last_way; way++) {
            *reg(SCB_DCISW) = (way << 30) | (set << 5); /* lines of 32 bytes */
        }
    }
    __asm__ volatile("dsb" ::: "memory");
    *reg(SCB_CCR) |= (1U << 16) | (1U << 17);
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

#endif /* CORTEX_M7_H */
