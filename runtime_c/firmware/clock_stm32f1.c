/* clock_stm32f1.c: an STM32F100 at 24 MHz, its crystal of 8 MHz times 3; no flash wait states.
 * Registers: RM0041, section 6.3 (RCC).
 * SPDX-License-Identifier: MIT-0 */
#include "stm32.h"

#define RCC_CR   0x40021000U
#define RCC_CFGR 0x40021004U

#define CR_HSEON     (1U << 16)
#define CR_HSERDY    (1U << 17)
#define CR_PLLON     (1U << 24)
#define CR_PLLRDY    (1U << 25)
#define CFGR_PLL_HSE (1U << 16)
#define CFGR_TIMES_3 (1U << 18)
#define CFGR_SW_PLL  2U
#define CFGR_SWS     (3U << 2)
#define CFGR_SWS_PLL (2U << 2)

bool clock_init(void) {
    *reg(RCC_CR) |= CR_HSEON;
    if (!wait_for(RCC_CR, CR_HSERDY, CR_HSERDY)) {
        return false;
    }
    *reg(RCC_CFGR) = CFGR_PLL_HSE | CFGR_TIMES_3;
    *reg(RCC_CR) |= CR_PLLON;
    if (!wait_for(RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        return false;
    }
    *reg(RCC_CFGR) |= CFGR_SW_PLL;
    return wait_for(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL);
}
