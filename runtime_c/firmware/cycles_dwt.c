/* cycles_dwt.c: the cycle counter of the data watchpoint and trace unit: Cortex-M3 and larger.
 * Registers: Armv7-M Architecture Reference Manual (DDI 0403), sections C1.6.5 (DEMCR) and C1.8
 * (DWT); the lock is CoreSight's (IHI 0029), and the Cortex-M7 comes out of reset with it closed.
 * SPDX-License-Identifier: MIT-0 */
#include "platform.h"

#define DEMCR      0xE000EDFCU
#define DWT_CTRL   0xE0001000U
#define DWT_CYCCNT 0xE0001004U
#define DWT_LAR    0xE0001FB0U

#define DEMCR_TRCENA   (1U << 24)
#define CTRL_CYCCNTENA (1U << 0)
#define LAR_UNLOCK     0xC5ACCE55U

/* An emulator may have the registers, and no counter behind them. */
bool cycles_init(void) {
    *reg(DEMCR) |= DEMCR_TRCENA;
    *reg(DWT_LAR) = LAR_UNLOCK;
    *reg(DWT_CYCCNT) = 0U;
    *reg(DWT_CTRL) |= CTRL_CYCCNTENA;
    const uint32_t before = *reg(DWT_CYCCNT);
    __asm__ volatile("nop\n\tnop\n\tnop\n\tnop" ::: "memory");
    return *reg(DWT_CYCCNT) != before;
}

uint32_t cycles_read(void) { return *reg(DWT_CYCCNT); }
