/* clock_ra8.c: an RA8 with a Cortex-M85 at 480 MHz: a crystal of up to 24 MHz / DIVIDE * MULTIPLY
 * makes 960 MHz in PLL1, which P halves. The bus and the flash run at 240 MHz, PCLKA and PCLKD at
 * 120 MHz, PCLKB, PCLKC and FCLK at 60 MHz; SCICLK, which feeds the SCIs, at 120 MHz.
 * Registers: RA8M1 User's Manual (R01UH0994), chapter 8; the order is that of section 8.11 and of
 * figure 8.13. Caches and branch prediction: Armv8-M Architecture Reference Manual (DDI 0553), CCR.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "cortex_m7.h"
#include "ra8.h"

#define SCKDIVCR   0x4001E020U
#define SCKDIVCR2  0x4001E024U /* 8 bits */
#define SCKSCR     0x4001E026U /* 8 bits */
#define PLLCCR     0x4001E028U /* 16 bits */
#define PLLCR      0x4001E02AU /* 8 bits */
#define MOSCCR     0x4001E032U /* 8 bits */
#define OSCSF      0x4001E03CU /* 8 bits */
#define PLLCCR2    0x4001E04CU /* 16 bits */
#define SCICKDIVCR 0x4001E054U /* 8 bits */
#define SCICKCR    0x4001E055U /* 8 bits */
#define MOSCWTCR   0x4001E0A2U /* 8 bits */
#define MOMCR      0x4001EA50U /* 8 bits */
#define FCACHEE    0x4001C100U /* 16 bits */
#define FCACHEIV   0x4001C104U /* 16 bits */
#define FLWT       0x4001C11CU /* 8 bits */

#define MOMCR_CRYSTAL     ((1U << 4) | (3U << 1)) /* automatic gain; drive up to 24 MHz */
#define MOSCWTCR_LONGEST  9U
#define OSCSF_CRYSTAL     (1U << 3)
#define OSCSF_PLL1        (1U << 5)
#define PLL1_ALL_HALVED   0x111U
#define FLASH_WAIT_STATES 4U /* 192 to 240 MHz */
/* FCLK 8, ICLK 2, PCLKE 2, BCLK 4, PCLKA 4, PCLKB 8, PCLKC 8, PCLKD 4, as powers of two */
#define DIVIDERS        0x31122332U
#define CPU_HALVED      1U
#define SOURCE_PLL1P    5U
#define SCICLK_REQUEST  (1U << 6)
#define SCICLK_STOPPED  (1U << 7)
#define SCICLK_QUARTER  2U
#define CCR_LOOP_BRANCH ((1U << 18) | (1U << 19)) /* branch prediction, low-overhead loops */

enum { SETTLE_LOOPS = 150 * 480 }; /* at least 150 us: a pass takes a clock or more */

static void wait_for(uint32_t address, uint8_t bits) {
    while ((*reg8(address) & bits) != bits) {
    }
}

static void settle(void) {
    for (volatile uint32_t loops = 0; loops < (uint32_t)SETTLE_LOOPS; loops++) {
    }
}

static void start_pll(void) {
    *reg8(MOMCR) = MOMCR_CRYSTAL;
    *reg8(MOSCWTCR) = MOSCWTCR_LONGEST;
    *reg8(MOSCCR) = 0U;
    wait_for(OSCSF, OSCSF_CRYSTAL);
    *reg16(PLLCCR) = (uint16_t)(((BOARD_CLOCK_MULTIPLY - 1U) << 8) | (BOARD_CLOCK_DIVIDE - 1U));
    *reg16(PLLCCR2) = PLL1_ALL_HALVED;
    *reg8(PLLCR) = 0U;
    wait_for(OSCSF, OSCSF_PLL1);
}

static void cache_flash(void) {
    *reg8(FLWT) = FLASH_WAIT_STATES;
    *reg16(FCACHEIV) = 1U;
    while (*reg16(FCACHEIV) != 0U) {
    }
    *reg16(FCACHEE) = 1U;
}

/* The core may run at no more than 240 MHz when the PLL takes over. Each register is read back. */
static void switch_to_pll(void) {
    *reg(SCKDIVCR) = DIVIDERS;
    (void)*reg(SCKDIVCR);
    *reg8(SCKDIVCR2) = CPU_HALVED;
    (void)*reg8(SCKDIVCR2);
    *reg8(SCKSCR) = SOURCE_PLL1P;
    (void)*reg8(SCKSCR);
    settle();
    *reg8(SCKDIVCR2) = 0U;
    (void)*reg8(SCKDIVCR2);
    settle();
}

static void feed_sci(void) {
    *reg8(SCICKCR) |= SCICLK_REQUEST;
    wait_for(SCICKCR, SCICLK_STOPPED);
    *reg8(SCICKDIVCR) = SCICLK_QUARTER;
    *reg8(SCICKCR) = SOURCE_PLL1P | SCICLK_REQUEST;
    *reg8(SCICKCR) = SOURCE_PLL1P;
    while ((*reg8(SCICKCR) & SCICLK_STOPPED) != 0U) {
    }
}

bool clock_init(void) {
    *reg16(PRCR) = PRCR_KEY | PRCR_CLOCKS | PRCR_MODULE_STOP;
    start_pll();
    cache_flash();
    switch_to_pll();
    feed_sci();
    *reg16(PRCR) = PRCR_KEY;
    caches_enable();
    *reg(SCB_CCR) |= CCR_LOOP_BRANCH;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    return true;
}
