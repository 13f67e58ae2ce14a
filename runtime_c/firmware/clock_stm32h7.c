/* clock_stm32h7.c: an STM32H743 at 480 MHz: HSE of 8 MHz / 2 * 240 / 2; voltage scale 0 by the LDO.
 * The buses AXI and AHB run at 240 MHz, APB1 to APB4 at 120 MHz.
 * Registers: RM0433, sections 4.9 (FLASH), 6.8 (PWR), 8.7 (RCC) and 12.3 (SYSCFG); the order of
 * scale 0 is in 6.6.2. SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "cortex_m7.h"
#include "stm32.h"

#define RCC_CR        0x58024400U
#define RCC_CFGR      0x58024410U
#define RCC_D1CFGR    0x58024418U
#define RCC_D2CFGR    0x5802441CU
#define RCC_D3CFGR    0x58024420U
#define RCC_PLLCKSELR 0x58024428U
#define RCC_PLLCFGR   0x5802442CU
#define RCC_PLL1DIVR  0x58024430U
#define RCC_APB4ENR   0x580244F4U
#define PWR_CSR1      0x58024804U
#define PWR_CR3       0x5802480CU
#define PWR_D3CR      0x58024818U
#define SYSCFG_PWRCR  0x5800042CU
#define FLASH_ACR     0x52002000U

#define CR_HSEON            (1U << 16)
#define CR_HSERDY           (1U << 17)
#define CR_HSEBYP           (1U << 18)
#define CR_PLL1ON           (1U << 24)
#define CR_PLL1RDY          (1U << 25)
#define CR3_SUPPLIES        7U
#define CR3_LDO             2U
#define CSR1_ACTVOSRDY      (1U << 13)
#define D3CR_VOSRDY         (1U << 13)
#define D3CR_SCALE_1        (3U << 14)
#define APB4ENR_SYSCFG      (1U << 1)
#define PLL_SOURCE_HSE      2U
#define PLL1_INPUT_4_MHZ    (2U << 2)
#define PLL1_P_ENABLED      (1U << 16)
#define PLL1_240_HALVED     ((240U - 1U) | (1U << 9) | (1U << 16) | (1U << 24))
#define D1_AHB_AND_APB_HALF (8U | (4U << 4))
#define D2_APBS_HALF        ((4U << 4) | (4U << 8))
#define D3_APB_HALF         (4U << 4)
#define ACR_4_WAIT_STATES   (4U | (2U << 4))
#define CFGR_PLL1           3U
#define CFGR_SWS            (7U << 3)
#define CFGR_SWS_PLL1       (3U << 3)

static bool raise_voltage(void) {
    set_field(PWR_CR3, CR3_SUPPLIES, CR3_LDO);
    if (!wait_for(PWR_CSR1, CSR1_ACTVOSRDY, CSR1_ACTVOSRDY)) {
        return false;
    }
    *reg(PWR_D3CR) |= D3CR_SCALE_1;
    if (!wait_for(PWR_D3CR, D3CR_VOSRDY, D3CR_VOSRDY)) {
        return false;
    }
    *reg(RCC_APB4ENR) |= APB4ENR_SYSCFG;
    *reg(SYSCFG_PWRCR) |= 1U; /* over-drive: scale 0 */
    return wait_for(PWR_D3CR, D3CR_VOSRDY, D3CR_VOSRDY);
}

bool clock_init(void) {
    caches_enable();
    *reg(RCC_CR) |= CR_HSEON | (BOARD_CLOCK_BYPASS * CR_HSEBYP);
    if (!wait_for(RCC_CR, CR_HSERDY, CR_HSERDY) || !raise_voltage()) {
        return false;
    }
    set_field(RCC_PLLCKSELR, 3U | (0x3FU << 4), PLL_SOURCE_HSE | (2U << 4));
    set_field(RCC_PLLCFGR, 0xFU | (7U << 16), PLL1_INPUT_4_MHZ | PLL1_P_ENABLED);
    *reg(RCC_PLL1DIVR) = PLL1_240_HALVED;
    *reg(RCC_CR) |= CR_PLL1ON;
    if (!wait_for(RCC_CR, CR_PLL1RDY, CR_PLL1RDY)) {
        return false;
    }
    *reg(FLASH_ACR) = ACR_4_WAIT_STATES;
    *reg(RCC_D1CFGR) = D1_AHB_AND_APB_HALF;
    *reg(RCC_D2CFGR) = D2_APBS_HALF;
    *reg(RCC_D3CFGR) = D3_APB_HALF;
    set_field(RCC_CFGR, 7U, CFGR_PLL1);
    return wait_for(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL1);
}
