/* uart_ra8.c: an SCI of an RA8, asynchronous, 8N1, without its FIFO. SCICLK feeds it.
 * Registers: RA8M1 User's Manual (R01UH0994), chapters on module stop, I/O ports (19.2.5
 * and 19.2.8) and SCI (table 31.7: bit rates). SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "ra8.h"

enum { RDR = 0x00, TDR = 0x04, CCR0 = 0x08, CCR1 = 0x0C, CCR2 = 0x10, CCR3 = 0x14 };
enum { CCR4 = 0x18, CSR = 0x48, CFCLR = 0x68 };

#define MSTPCRB        0x40203004U
#define MODULE_BIT(n)  (1U << (31U - (n)))
#define PFS(port, pin) (0x40400800U + 0x40U * (port) + 4U * (pin))
#define PWPR           0x40400D14U /* 8 bits; of the secure state */
#define PWPR_WRITE     (1U << 6)
#define PWPR_LOCK      (1U << 7)
#define PFS_PULL_UP    (1U << 4)
#define PFS_PERIPHERAL (1U << 16)

#define CCR0_RUN     ((1U << 0) | (1U << 4))
#define CCR2_BASE_8  ((1U << 4) | (1U << 5))                /* eight clocks a bit */
#define CCR3_8_BITS  ((2U << 8) | (1U << 12) | (1U << 15))  /* low bit first, start by an edge */
#define CSR_ERRORS   ((1U << 24) | (1U << 27) | (1U << 28)) /* overrun, parity, framing */
#define CSR_TX_EMPTY (1U << 29)
#define CSR_TX_END   (1U << 30)
#define CSR_RX_FULL  (1U << 31)
#define MOST_DIVIDER 256U
#define PRESCALERS   4U

/* Divider and prescaler of a rate as a value of CCR2; 0 where it cannot be made. */
static uint32_t rate_code(uint32_t baud) {
    for (uint32_t prescaler = 0; prescaler < PRESCALERS; prescaler++) {
        const uint32_t divider = baud_divider((BOARD_UART_CLOCK_HZ / 8U) >> (2U * prescaler), baud);
        if (divider != 0U && divider <= MOST_DIVIDER) {
            return CCR2_BASE_8 | ((divider - 1U) << 8) | (prescaler << 20);
        }
    }
    return 0U;
}

static void run(uint32_t rate) {
    *reg(BOARD_UART_BASE + CCR0) = 0U; /* the others change only while it is off */
    *reg(BOARD_UART_BASE + CCR1) = 0U;
    *reg(BOARD_UART_BASE + CCR2) = rate;
    *reg(BOARD_UART_BASE + CCR3) = CCR3_8_BITS;
    *reg(BOARD_UART_BASE + CCR4) = 0U;
    *reg(BOARD_UART_BASE + CCR0) = CCR0_RUN;
}

static void use_pin(uint32_t pin, uint32_t pull) {
    const uint32_t address = PFS(BOARD_UART_PORT, pin);
    *reg(address) = pull;
    *reg(address) = (BOARD_UART_PIN_FUNCTION << 24) | PFS_PERIPHERAL | pull;
}

void uart_init(void) {
    *reg16(PRCR) = PRCR_KEY | PRCR_MODULE_STOP;
    *reg(MSTPCRB) &= ~MODULE_BIT(BOARD_UART_SCI);
    *reg16(PRCR) = PRCR_KEY;
    *reg8(PWPR) = 0U;
    *reg8(PWPR) = PWPR_WRITE;
    use_pin(BOARD_UART_TX_PIN, 0U);
    use_pin(BOARD_UART_RX_PIN, PFS_PULL_UP);
    *reg8(PWPR) = PWPR_LOCK;
    run(rate_code(BOARD_UART_BAUD));
}

bool uart_set_baud(uint32_t baud) {
    const uint32_t rate = rate_code(baud);
    if (rate == 0U) {
        return false;
    }
    while ((*reg(BOARD_UART_BASE + CSR) & CSR_TX_END) == 0U) {
    }
    run(rate);
    return true;
}

void uart_put(char c) {
    while ((*reg(BOARD_UART_BASE + CSR) & CSR_TX_EMPTY) == 0U) {
    }
    *reg(BOARD_UART_BASE + TDR) = 0xFFFFFF00U | (uint8_t)c;
}

/* An overrun stops the receiver until its flag is cleared. */
int32_t uart_poll(void) {
    const uint32_t status = *reg(BOARD_UART_BASE + CSR);
    if ((status & CSR_ERRORS) != 0U) {
        *reg(BOARD_UART_BASE + CFCLR) = status & CSR_ERRORS;
    }
    if ((status & CSR_RX_FULL) == 0U) {
        return UART_NOTHING;
    }
    return (int32_t)(*reg(BOARD_UART_BASE + RDR) & 0xFFU);
}

/* Its interrupts reach the core by an event link, so it is polled. */
void uart_wait(void) {}
