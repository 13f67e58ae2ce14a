/* uart_mcxn94x.c: the LPUART of an LP_FLEXCOMM of an MCX N94x, fed by its oscillator FIRC of 48
 * MHz, on two pins of one port. Registers: MCX Nx4x Reference Manual (MCXNX4XRM), chapters on
 * SYSCON, PORT, LP_FLEXCOMM and LPUART. SPDX-License-Identifier: MIT-0 */
#include "lpuart.h"
#include "mcxn94x.h"

#define FIRC_DIVIDER        (SYSCON + 0x388U)
#define AHB_CLOCK_SET0      (SYSCON + 0x220U)
#define AHB_CLOCK_SET1      (SYSCON + 0x224U)
#define RESET_CLEAR1        (SYSCON + 0x144U)
#define FLEXCOMM_SELECT(n)  (SYSCON + 0x2B0U + 4U * (n))
#define FLEXCOMM_DIVIDER(n) (SYSCON + 0x850U + 4U * (n))
#define FLEXCOMM_BIT(n)     (1U << (11U + (n))) /* of the clock and of the reset */
#define PORT_BIT(n)         (1U << (13U + (n)))
#define PIN(port, pin)      (0x40116080U + 0x1000U * (port) + 4U * (pin))
#define PSELID              (BOARD_UART_BASE + 0xFF8U)
#define SELECT_FIRC         3U
#define SELECT_UART         1U
#define PIN_PULLED_UP       3U
#define PIN_INPUT           (1U << 12)

static void use_pin(uint32_t pin) {
    *reg(PIN(BOARD_UART_PORT, pin)) = (BOARD_UART_PIN_FUNCTION << 8) | PIN_INPUT | PIN_PULLED_UP;
}

void uart_init(void) {
    *reg(FIRC_DIVIDER) = 0U;
    *reg(FLEXCOMM_SELECT(BOARD_UART_FLEXCOMM)) = SELECT_FIRC;
    *reg(FLEXCOMM_DIVIDER(BOARD_UART_FLEXCOMM)) = 0U;
    *reg(AHB_CLOCK_SET0) = PORT_BIT(BOARD_UART_PORT);
    *reg(AHB_CLOCK_SET1) = FLEXCOMM_BIT(BOARD_UART_FLEXCOMM);
    *reg(RESET_CLEAR1) = FLEXCOMM_BIT(BOARD_UART_FLEXCOMM);
    *reg(PSELID) = SELECT_UART;
    use_pin(BOARD_UART_TX_PIN);
    use_pin(BOARD_UART_RX_PIN);
    lpuart_start();
}

bool uart_set_baud(uint32_t baud) { return lpuart_set_baud(baud); }

void uart_put(char c) { lpuart_put(c); }

int32_t uart_poll(void) { return lpuart_poll(); }

void uart_wait(void) { irq_wait(BOARD_UART_IRQ); }
