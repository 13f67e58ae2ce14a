/* uart_imxrt1062.c: LPUART6 of an i.MX RT1062 on GPIO_AD_B0_02 (TX) and GPIO_AD_B0_03 (RX), which
 * are pins 1 and 0 of a Teensy 4; fed by the crystal of 24 MHz. Registers: IMXRT1060RM,
 * sections 11.7 (IOMUXC), 14.7 (CCM) and 49.4 (LPUART). SPDX-License-Identifier: MIT-0 */
#include "lpuart.h"

#define CCM_CSCDR1            0x400FC024U
#define CCM_CCGR3             0x400FC074U
#define MUX_GPIO_AD_B0_02     0x401F80C4U
#define MUX_GPIO_AD_B0_03     0x401F80C8U
#define PAD_GPIO_AD_B0_03     0x401F82B8U
#define LPUART6_RX_SELECT     0x401F8550U
#define CSCDR1_UART_DIVIDER   0x3FU
#define CSCDR1_UART_CRYSTAL   (1U << 6)
#define CCGR3_LPUART6         (3U << 6)
#define ALTERNATE_LPUART6     2U
#define RX_IS_GPIO_AD_B0_03   1U
#define PAD_PULLED_UP_22_KOHM 0xF0B0U /* pull-up, keeper off, as pulled input, medium drive */

void uart_init(void) {
    *reg(CCM_CSCDR1) = (*reg(CCM_CSCDR1) & ~CSCDR1_UART_DIVIDER) | CSCDR1_UART_CRYSTAL;
    *reg(CCM_CCGR3) |= CCGR3_LPUART6;
    *reg(MUX_GPIO_AD_B0_02) = ALTERNATE_LPUART6;
    *reg(MUX_GPIO_AD_B0_03) = ALTERNATE_LPUART6;
    *reg(PAD_GPIO_AD_B0_03) = PAD_PULLED_UP_22_KOHM;
    *reg(LPUART6_RX_SELECT) = RX_IS_GPIO_AD_B0_03;
    lpuart_start();
}

bool uart_set_baud(uint32_t baud) { return lpuart_set_baud(baud); }

void uart_put(char c) { lpuart_put(c); }

int32_t uart_poll(void) { return lpuart_poll(); }

void uart_wait(void) { irq_wait(BOARD_UART_IRQ); }
