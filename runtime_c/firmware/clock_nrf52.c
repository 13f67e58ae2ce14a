/* clock_nrf52.c: an nRF52 runs at 64 MHz from reset on; this turns its instruction cache on.
 * Registers: nRF52840 Product Specification 1.1, section 4.3.4 (NVMC).
 * SPDX-License-Identifier: MIT-0 */
#include "platform.h"

#define NVMC_ICACHECNF 0x4001E540U

bool clock_init(void) {
    *reg(NVMC_ICACHECNF) = 1U;
    return true;
}
