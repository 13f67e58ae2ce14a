/* stm32_pll.h: the PLL of an STM32F4 or F7 on its external oscillator (HSE).
 * The regulator comes out of reset at its highest voltage; over-drive goes beyond.
 * Registers: RM0090, sections 3.9 (FLASH), 5.4 (PWR) and 7.3 (RCC); the same in RM0390 and RM0410,
 * which have over-drive.
 * SPDX-License-Identifier: MIT-0 */
#ifndef STM32_PLL_H
#define STM32_PLL_H

#include "board.h"
#include "stm32.h"

#define RCC_CR      0x40023800U
#define RCC_PLLCFGR 0x40023804U
#define RCC_CFGR    0x40023808U
#define RCC_APB1ENR 0x40023840U
#define PWR_CR      0x40007000U
#define PWR_CSR     0x40007004U
#define FLASH_ACR   0x40023C00U

#define CR_HSEON    (1U << 16)
#define CR_HSERDY   (1U << 17)
#define CR_HSEBYP   (1U << 18)
#define CR_PLLON    (1U << 24)
#define CR_PLLRDY   (1U << 25)
#define PLLCFGR_HSE (1U << 22)
#define APB1ENR_PWR (1U << 28)
#define PWR_ODEN    (1U << 16) /* as PWR_CSR's ODRDY */
#define PWR_ODSWEN  (1U << 17) /* as PWR_CSR's ODSWRDY */

enum { USB_DIVIDER = 9, CFGR_APB1_QUARTER = 5U << 10, CFGR_APB2_HALF = 4U << 13 };
enum { CFGR_SW = 3U, CFGR_SW_PLL = 2U, CFGR_SWS = 3U << 2, CFGR_SWS_PLL = 2U << 2 };

static inline bool start_overdrive(void) {
    *reg(RCC_APB1ENR) |= APB1ENR_PWR;
    *reg(PWR_CR) |= PWR_ODEN;
    if (!wait_for(PWR_CSR, PWR_ODEN, PWR_ODEN)) {
        return false;
    }
    *reg(PWR_CR) |= PWR_ODSWEN;
    return wait_for(PWR_CSR, PWR_ODSWEN, PWR_ODSWEN);
}

/// False where the oscillator, the regulator or the PLL does not become ready.
static inline bool pll_start(void) {
    *reg(RCC_CR) |= CR_HSEON | (BOARD_CLOCK_BYPASS * CR_HSEBYP);
    if (!wait_for(RCC_CR, CR_HSERDY, CR_HSERDY)) {
        return false;
    }
    *reg(RCC_PLLCFGR) = BOARD_CLOCK_M | (BOARD_CLOCK_N << 6) | ((BOARD_CLOCK_P / 2U - 1U) << 16) |
                        PLLCFGR_HSE | ((uint32_t)USB_DIVIDER << 24) | (2U << 28);
    *reg(RCC_CR) |= CR_PLLON;
    if ((BOARD_CLOCK_OVERDRIVE != 0U && !start_overdrive()) ||
        !wait_for(RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        return false;
    }
    *reg(FLASH_ACR) = BOARD_CLOCK_FLASH_ACR; /* wait states before the clock rises */
    *reg(RCC_CFGR) = (uint32_t)CFGR_APB1_QUARTER | (uint32_t)CFGR_APB2_HALF | CFGR_SW_PLL;
    return wait_for(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL);
}

#endif /* STM32_PLL_H */
