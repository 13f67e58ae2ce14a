/* clock_mcxn94x.c: an MCX N94x at 150 MHz: its oscillator FIRC of 48 MHz / 8 * 50 / 2 by PLL0; the
 * core's supply at 1.2 V, three flash wait states, the flash cache on.
 * Registers: MCX Nx4x Reference Manual (MCXNX4XRM), chapters on SYSCON, SCG, SPC and FMU.
 * SPDX-License-Identifier: MIT-0 */
#include "mcxn94x.h"

enum { SCG_TRIM_LOCK = 0x008, SCG_CSR = 0x010, SCG_RCCR = 0x014, SCG_LDOCSR = 0x800 };
enum { SCG_FIRCCSR = 0x300, SCG_FIRCCFG = 0x308 };
enum { PLL0_CSR = 0x500, PLL0_CTRL = 0x504, PLL0_NDIV = 0x50C, PLL0_MDIV = 0x510 };
enum { PLL0_PDIV = 0x514, PLL0_LOCK_TIME = 0x518, PLL0_SSCG0 = 0x520, PLL0_SSCG1 = 0x524 };
enum { SPC_SC = 0x010, SPC_SRAMCTL = 0x040, SPC_ACTIVE_CFG = 0x100 };

#define SCG            0x40044000U
#define SPC            0x40045000U
#define FMU_FCTRL      0x40043008U
#define AHBCLKDIV      (SYSCON + 0x380U)
#define LPCAC_CTRL     (SYSCON + 0x824U)
#define FLASH_WAITS    0xFU
#define LPCAC_DISABLED 1U

#define SPC_BUSY     1U
#define DCDC         (0xFU << 8)
#define DCDC_1V2     ((2U << 8) | (3U << 10)) /* normal drive strength, highest level */
#define LDO_CORE     0xDU
#define LDO_CORE_1V2 (1U | (3U << 2))
#define SRAM_1V2     3U
#define SRAM_REQUEST (1U << 30)
#define SRAM_DONE    (1U << 31)

#define CLOCK_SOURCE  (0xFU << 24) /* of CSR and RCCR */
#define CLOCK_SIRC    (2U << 24)   /* 12 MHz */
#define CLOCK_PLL0    (5U << 24)
#define TRIM_UNLOCKED 0x5A5A0001U
#define TRIM_LOCKED   0x5A5A0000U
#define LDO_ENABLE    1U
#define LDO_OK        (1U << 31)
#define FIRC_ENABLE   ((1U << 0) | (3U << 4)) /* with both outputs for peripherals */
#define FIRC_LOCKED   (1U << 23)
#define FIRC_VALID    (1U << 24)
#define PLL_ENABLE    3U /* power and clock */
#define PLL_LOCK      (1U << 24)
#define PLL_FROM_FIRC ((1U << 25) | (13U << 10) | (27U << 4)) /* SELP and SELI for times 50 */
#define PLL_TAKE_OVER (1U << 31)

static void wait_for(uint32_t address, uint32_t mask, uint32_t value) {
    while ((*reg(address) & mask) != value) {
    }
}

static void raise_voltage(void) {
    wait_for(SPC + SPC_SC, SPC_BUSY, 0U);
    *reg(SPC + SPC_ACTIVE_CFG) = (*reg(SPC + SPC_ACTIVE_CFG) & ~DCDC) | DCDC_1V2;
    wait_for(SPC + SPC_SC, SPC_BUSY, 0U);
    *reg(SPC + SPC_ACTIVE_CFG) = (*reg(SPC + SPC_ACTIVE_CFG) & ~LDO_CORE) | LDO_CORE_1V2;
    wait_for(SPC + SPC_SC, SPC_BUSY, 0U);
    *reg(SPC + SPC_SRAMCTL) = SRAM_1V2;
    *reg(SPC + SPC_SRAMCTL) = SRAM_1V2 | SRAM_REQUEST;
    wait_for(SPC + SPC_SRAMCTL, SRAM_DONE, SRAM_DONE);
    *reg(SPC + SPC_SRAMCTL) = SRAM_1V2;
}

static void run_from(uint32_t source) {
    *reg(SCG + SCG_RCCR) = (*reg(SCG + SCG_RCCR) & ~CLOCK_SOURCE) | source;
    wait_for(SCG + SCG_CSR, CLOCK_SOURCE, source);
}

static void pll_divider(uint32_t divider, uint32_t value) {
    *reg(SCG + divider) = value;
    *reg(SCG + divider) = value | PLL_TAKE_OVER;
}

/* The lock time is 500 us in clocks of 6 MHz, and 300. */
static void pll_start(void) {
    *reg(SCG + SCG_TRIM_LOCK) = TRIM_UNLOCKED;
    *reg(SCG + SCG_LDOCSR) |= LDO_ENABLE;
    wait_for(SCG + SCG_LDOCSR, LDO_OK, LDO_OK);
    *reg(SCG + PLL0_CSR) &= ~PLL_ENABLE;
    *reg(SCG + PLL0_CTRL) = PLL_FROM_FIRC;
    pll_divider(PLL0_NDIV, 8U);
    pll_divider(PLL0_PDIV, 1U); /* halved again */
    pll_divider(PLL0_MDIV, 50U);
    *reg(SCG + PLL0_SSCG0) = 0U;
    *reg(SCG + PLL0_SSCG1) = 0U;
    *reg(SCG + PLL0_LOCK_TIME) = 3300U;
    *reg(SCG + SCG_TRIM_LOCK) = TRIM_LOCKED;
    *reg(SCG + PLL0_CSR) |= PLL_ENABLE;
    wait_for(SCG + PLL0_CSR, PLL_LOCK, PLL_LOCK);
}

bool clock_init(void) {
    raise_voltage();
    run_from(CLOCK_SIRC); /* while the others change */
    *reg(FMU_FCTRL) = (*reg(FMU_FCTRL) & ~FLASH_WAITS) | 3U;
    *reg(SCG + SCG_FIRCCSR) &= ~FIRC_LOCKED;
    *reg(SCG + SCG_FIRCCFG) = 0U; /* 48 MHz */
    *reg(SCG + SCG_FIRCCSR) |= FIRC_ENABLE;
    wait_for(SCG + SCG_FIRCCSR, FIRC_VALID, FIRC_VALID);
    pll_start();
    run_from(CLOCK_PLL0);
    *reg(AHBCLKDIV) = 0U;
    *reg(LPCAC_CTRL) &= ~LPCAC_DISABLED;
    return true;
}
