/* clock_stm32g0.c: an STM32G0 at 64 MHz: HSI of 16 MHz times 8, halved.
 * Registers: RM0444, sections 3.7 (FLASH) and 5.4 (RCC).
 * SPDX-License-Identifier: MIT-0 */
#include "stm32.h"

#define RCC_CR      0x40021000U
#define RCC_CFGR    0x40021008U
#define RCC_PLLCFGR 0x4002100CU
#define FLASH_ACR   0x40022000U

#define CR_PLLON               (1U << 24)
#define CR_PLLRDY              (1U << 25)
#define PLL_HSI_8_HALVED       (2U | (8U << 8) | (1U << 28) | (1U << 29))
#define ACR_2_WAIT_STATES      2U
#define ACR_PREFETCH_AND_CACHE (3U << 8)
#define CFGR_PLL               2U
#define CFGR_SWS               (7U << 3)
#define CFGR_SWS_PLL           (2U << 3)

bool clock_init(void) {
    *reg(RCC_PLLCFGR) = PLL_HSI_8_HALVED;
    *reg(RCC_CR) |= CR_PLLON;
    if (!wait_for(RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        return false;
    }
    *reg(FLASH_ACR) = ACR_2_WAIT_STATES | ACR_PREFETCH_AND_CACHE | (*reg(FLASH_ACR) & (1U << 18));
    *reg(RCC_CFGR) = CFGR_PLL;
    return wait_for(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL);
}
