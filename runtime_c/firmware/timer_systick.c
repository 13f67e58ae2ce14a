/* timer_systick.c: the 24-bit timer of the core, for chips without another that an emulator has.
 * It is extended to 32 bits by being read: at least once in 2^24 ticks, 0.7 s at 24 MHz.
 * Registers: Armv7-M Architecture Reference Manual (DDI 0403), section B3.3.
 * SPDX-License-Identifier: MIT-0 */
#include "platform.h"

#define SYST_CSR 0xE000E010U
#define SYST_RVR 0xE000E014U
#define SYST_CVR 0xE000E018U

#define CSR_ENABLE     (1U << 0)
#define CSR_CORE_CLOCK (1U << 2)
#define MASK           0xFFFFFFU

static uint32_t total;
static uint32_t last;

void timer_init(void) {
    *reg(SYST_RVR) = MASK;
    *reg(SYST_CVR) = 0U;
    *reg(SYST_CSR) = CSR_ENABLE | CSR_CORE_CLOCK;
    last = *reg(SYST_CVR);
}

uint32_t timer_read(void) {
    const uint32_t now = *reg(SYST_CVR); /* it counts down */
    total += (last - now) & MASK;
    last = now;
    return total;
}
