/* clock_rp2.c: an RP2040 or RP2350 on its crystal of 12 MHz: PLL_SYS makes 12 * FBDIV / POSTDIV1 /
 * POSTDIV2 MHz for the core and for the peripherals.
 * Registers: RP2040 datasheet, sections 2.14 (RESETS), 2.15 (CLOCKS), 2.16 (XOSC), 2.18 (PLL); the
 * RP2350 has them at other addresses.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "rp2.h"

enum { REF_CTRL = 0x30, REF_SELECTED = 0x38, SYS_CTRL = 0x3C, SYS_SELECTED = 0x44 };
enum { PERI_CTRL = 0x48, PERI_ENABLE = 1U << 11 };
enum { REF_XOSC = 2, SYS_REF = 0, SYS_PLL = 1 };
enum { XOSC_CTRL = 0x00, XOSC_STATUS = 0x04, XOSC_STARTUP = 0x0C };
enum { XOSC_1_TO_15_MHZ = 0xAA0, XOSC_ENABLE = 0xFAB000, XOSC_1_MS = 47 };
enum { PLL_CS = 0x00, PLL_PWR = 0x04, PLL_FBDIV = 0x08, PLL_PRIM = 0x0C };
enum { PLL_OFF = 1U << 0, PLL_DIVIDERS_OFF = 1U << 3, PLL_VCO_OFF = 1U << 5 };

#define STABLE (1U << 31) /* of the crystal, and LOCK of the PLL */

static void wait_until(uint32_t address, uint32_t bits) {
    while ((*reg(address) & bits) != bits) {
    }
}

bool clock_init(void) {
    const uint32_t clocks = BOARD_CLOCK_CLOCKS;
    const uint32_t pll = BOARD_CLOCK_PLL_SYS;
    *reg(BOARD_CLOCK_XOSC + XOSC_STARTUP) = XOSC_1_MS;
    *reg(BOARD_CLOCK_XOSC + XOSC_CTRL) = (uint32_t)XOSC_1_TO_15_MHZ | (uint32_t)XOSC_ENABLE;
    wait_until(BOARD_CLOCK_XOSC + XOSC_STATUS, STABLE);
    *reg(clocks + SYS_CTRL + ATOMIC_CLEAR) = 1U; /* the core on the reference clock */
    wait_until(clocks + SYS_SELECTED, 1U << SYS_REF);
    *reg(clocks + REF_CTRL) = REF_XOSC;
    wait_until(clocks + REF_SELECTED, 1U << REF_XOSC);

    unreset(BOARD_CLOCK_RESETS, BOARD_CLOCK_PLL_RESET_BIT);
    *reg(pll + PLL_CS) = 1U; /* the crystal's clock undivided */
    *reg(pll + PLL_FBDIV) = BOARD_CLOCK_FBDIV;
    *reg(pll + PLL_PWR + ATOMIC_CLEAR) = (uint32_t)PLL_OFF | (uint32_t)PLL_VCO_OFF;
    wait_until(pll + PLL_CS, STABLE);
    *reg(pll + PLL_PRIM) = (BOARD_CLOCK_POSTDIV1 << 16) | (BOARD_CLOCK_POSTDIV2 << 12);
    *reg(pll + PLL_PWR + ATOMIC_CLEAR) = PLL_DIVIDERS_OFF;

    *reg(clocks + SYS_CTRL) = SYS_PLL; /* its auxiliary source 0 is PLL_SYS */
    wait_until(clocks + SYS_SELECTED, 1U << SYS_PLL);
    *reg(clocks + PERI_CTRL) = PERI_ENABLE; /* source 0: the core's clock */
    return true;
}
