/* clock_stm32l4.c: an STM32L4+ at 120 MHz: MSI of 4 MHz times 60, halved; voltage range 1, boosted.
 * Registers: RM0432, sections 3.7 (FLASH), 5.4 (PWR) and 6.4 (RCC). Section 6.2.9: above 80 MHz the
 * bus runs at half the speed for 1 us.
 * SPDX-License-Identifier: MIT-0 */
#include "stm32.h"

#define RCC_CR       0x40021000U
#define RCC_CFGR     0x40021008U
#define RCC_PLLCFGR  0x4002100CU
#define RCC_APB1ENR1 0x40021058U
#define PWR_CR2      0x40007004U
#define PWR_SR2      0x40007014U
#define PWR_CR5      0x40007080U
#define FLASH_ACR    0x40022000U

#define CR_PLLON          (1U << 24)
#define CR_PLLRDY         (1U << 25)
#define APB1ENR1_PWR      (1U << 28)
#define CR2_IOSV          (1U << 9) /* supplies port G, which has the UART of the debugger */
#define CR5_NOT_BOOSTED   (1U << 8)
#define SR2_VOSF          (1U << 10)
#define ACR_5_WAIT_STATES 5U
#define ACR_ALL_CACHES    (7U << 8) /* prefetch, instructions, data */
#define PLL_MSI_60_HALVED (1U | (60U << 8) | (1U << 24))
#define CFGR_PLL          3U
#define CFGR_SWS_PLL      (3U << 2)
#define CFGR_BUS_HALVED   (8U << 4)

enum { MICROSECOND = 120 };

bool clock_init(void) {
    *reg(RCC_APB1ENR1) |= APB1ENR1_PWR;
    *reg(PWR_CR2) |= CR2_IOSV;
    *reg(PWR_CR5) &= ~CR5_NOT_BOOSTED;
    *reg(FLASH_ACR) = ACR_5_WAIT_STATES | ACR_ALL_CACHES;
    *reg(RCC_PLLCFGR) = PLL_MSI_60_HALVED;
    *reg(RCC_CR) |= CR_PLLON;
    if (!wait_for(PWR_SR2, SR2_VOSF, 0U) || !wait_for(RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        return false;
    }
    *reg(RCC_CFGR) = CFGR_PLL | CFGR_BUS_HALVED;
    const bool runs = wait_for(RCC_CFGR, CFGR_SWS_PLL, CFGR_SWS_PLL);
    for (volatile uint32_t clocks = 0; clocks < MICROSECOND; clocks++) {
    }
    *reg(RCC_CFGR) = CFGR_PLL;
    return runs;
}
