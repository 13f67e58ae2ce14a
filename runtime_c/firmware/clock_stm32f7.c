/* clock_stm32f7.c: caches of the core, and PLL of an STM32F7 on its external oscillator (HSE).
 * The core runs at HSE / M * N / P, APB1 at a quarter of it, APB2 at half of it.
 * SPDX-License-Identifier: MIT-0 */
#include "cortex_m7.h"
#include "stm32_pll.h"

bool clock_init(void) {
    caches_enable();
    return pll_start();
}
