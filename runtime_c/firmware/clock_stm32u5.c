/* clock_stm32u5.c: an STM32U5 at 160 MHz: MSIS of 4 MHz times 80, halved; voltage range 1, boosted.
 * Registers: RM0456, sections 7.9 (FLASH), 8.6 (ICACHE), 10.10 (PWR) and 11.8 (RCC).
 * SPDX-License-Identifier: MIT-0 */
#include "stm32.h"

#define RCC_CR       0x46020C00U
#define RCC_CFGR1    0x46020C1CU
#define RCC_PLL1CFGR 0x46020C28U
#define RCC_PLL1DIVR 0x46020C34U
#define RCC_AHB3ENR  0x46020C94U
#define PWR_VOSR     0x4602080CU
#define FLASH_ACR    0x40022000U
#define ICACHE_CR    0x40030400U

#define CR_PLL1ON         (1U << 24)
#define CR_PLL1RDY        (1U << 25)
#define PLL1_MSIS         1U
#define PLL1_R_ENABLED    (1U << 18)
#define PLL1_80_HALVED    ((80U - 1U) | (1U << 9) | (1U << 16) | ((2U - 1U) << 24))
#define AHB3ENR_PWR       (1U << 2)
#define VOSR_BOOSTRDY     (1U << 14)
#define VOSR_VOSRDY       (1U << 15)
#define VOSR_RANGE_1      (3U << 16)
#define VOSR_BOOSTEN      (1U << 18)
#define ACR_4_WAIT_STATES 4U
#define ACR_PREFETCH      (1U << 8)
#define CFGR1_PLL         3U
#define CFGR1_SWS_PLL     (3U << 2)

bool clock_init(void) {
    *reg(RCC_AHB3ENR) |= AHB3ENR_PWR;
    *reg(PWR_VOSR) |= VOSR_RANGE_1;
    if (!wait_for(PWR_VOSR, VOSR_VOSRDY, VOSR_VOSRDY)) {
        return false;
    }
    *reg(RCC_PLL1CFGR) = PLL1_MSIS; /* 4 MHz, which also clocks the booster */
    *reg(PWR_VOSR) |= VOSR_BOOSTEN;
    if (!wait_for(PWR_VOSR, VOSR_BOOSTRDY, VOSR_BOOSTRDY)) {
        return false;
    }
    *reg(RCC_PLL1DIVR) = PLL1_80_HALVED;
    *reg(RCC_PLL1CFGR) |= PLL1_R_ENABLED;
    *reg(RCC_CR) |= CR_PLL1ON;
    if (!wait_for(RCC_CR, CR_PLL1RDY, CR_PLL1RDY)) {
        return false;
    }
    *reg(FLASH_ACR) = ACR_4_WAIT_STATES | ACR_PREFETCH;
    *reg(ICACHE_CR) |= 1U;
    set_field(RCC_CFGR1, 3U, CFGR1_PLL);
    return wait_for(RCC_CFGR1, CFGR1_SWS_PLL, CFGR1_SWS_PLL);
}
