/* clock_stm32f4.c: PLL of an STM32F4 on its external oscillator (HSE), over-drive where the board
 * asks for it. The core runs at HSE / M * N / P, APB1 at a quarter of it, APB2 at half of it.
 * SPDX-License-Identifier: MIT-0 */
#include "stm32_pll.h"

bool clock_init(void) { return pll_start(); }
