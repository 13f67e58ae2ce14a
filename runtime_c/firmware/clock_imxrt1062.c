/* clock_imxrt1062.c: an i.MX RT1062 at 600 MHz: 24 MHz * 100 / 2 / 2 by the Arm PLL, the
 * peripherals' bus at 150 MHz; VDD_SOC at 1.25 V. Registers: IMXRT1060RM, sections 14.7 and 14.8
 * (CCM) and 19.5 (DCDC). The data sheet (IMXRT1060CEC), table 10, asks for 1.25 V above 528 MHz.
 * SPDX-License-Identifier: MIT-0 */
#include "cortex_m7.h"

#define CCM_CACRR      0x400FC010U
#define CCM_CBCDR      0x400FC014U
#define CCM_CBCMR      0x400FC018U
#define CCM_CDHIPR     0x400FC048U
#define CCM_CCGR6      0x400FC080U
#define PLL_ARM        0x400D8000U
#define DCDC_REG0      0x40080000U
#define DCDC_REG3      0x4008000CU
#define CCGR6_DCDC     (3U << 6)
#define REG0_SETTLED   (1U << 31)
#define REG3_VOLTAGE   0x1FU
#define VOLTAGE_1_25   18U /* 0.8 V and 25 mV a step */
#define PLL_LOCK       (1U << 31)
#define PLL_ENABLE     (1U << 13)
#define PLL_POWERDOWN  (1U << 12)
#define PLL_TIMES_100  100U /* and halved */
#define BUSY_PERIPH    (1U << 5)
#define BUSY_ARM       (1U << 16)
#define BUSY_AHB       (1U << 1)
#define PERIPH_CLK2    (1U << 25)
#define CLK2_DIVIDER   (7U << 27)
#define CLK2_SELECT    (3U << 12)
#define CLK2_CRYSTAL   (1U << 12)
#define PRE_SELECT_ARM (3U << 18)
#define AHB_DIVIDER    (7U << 10)
#define IPG_DIVIDER    (3U << 8)
#define IPG_QUARTER    (3U << 8)

static void settle(uint32_t busy) {
    while ((*reg(CCM_CDHIPR) & busy) != 0U) {
    }
}

static void raise_voltage(void) {
    *reg(CCM_CCGR6) |= CCGR6_DCDC;
    *reg(DCDC_REG3) = (*reg(DCDC_REG3) & ~REG3_VOLTAGE) | VOLTAGE_1_25;
    while ((*reg(DCDC_REG0) & REG0_SETTLED) == 0U) {
    }
}

bool clock_init(void) {
    raise_voltage();
    /* The crystal drives everything while the PLL changes. */
    *reg(CCM_CBCDR) &= ~CLK2_DIVIDER;
    *reg(CCM_CBCMR) = (*reg(CCM_CBCMR) & ~CLK2_SELECT) | CLK2_CRYSTAL;
    *reg(CCM_CBCDR) |= PERIPH_CLK2;
    settle(BUSY_PERIPH);

    *reg(PLL_ARM) = PLL_POWERDOWN;
    *reg(PLL_ARM) = PLL_ENABLE | PLL_TIMES_100;
    while ((*reg(PLL_ARM) & PLL_LOCK) == 0U) {
    }
    *reg(CCM_CACRR) = 1U; /* halved again */
    settle(BUSY_ARM);
    *reg(CCM_CBCDR) = (*reg(CCM_CBCDR) & ~(AHB_DIVIDER | IPG_DIVIDER)) | IPG_QUARTER;
    settle(BUSY_AHB);
    *reg(CCM_CBCMR) |= PRE_SELECT_ARM;
    *reg(CCM_CBCDR) &= ~PERIPH_CLK2;
    settle(BUSY_PERIPH);
    caches_enable();
    return true;
}
