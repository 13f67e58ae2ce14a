/* uart_stm32f4.c: USART1 of an STM32F4 on PA9 (TX) and PA10 (RX), 8N1.
 * Registers: RM0090, sections 7.3 (RCC), 8.4 (GPIO) and 30.6 (USART).
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

enum { SR = 0x00, DR = 0x04, BRR = 0x08, CR1 = 0x0C };
enum { SR_RXNE = 1U << 5, SR_TC = 1U << 6, SR_TXE = 1U << 7 };
enum { LEAST_DIVIDER = 16 };
enum { CR1_RE = 1U << 2, CR1_TE = 1U << 3, CR1_RXNEIE = 1U << 5, CR1_UE = 1U << 13 };

#define RCC_AHB1ENR    0x40023830U
#define RCC_APB2ENR    0x40023844U
#define RCC_GPIOA      (1U << 0)
#define RCC_USART1     (1U << 4)
#define GPIOA_MODER    0x40020000U
#define GPIOA_PUPDR    0x4002000CU
#define GPIOA_AFRH     0x40020024U
#define PIN9_AND_10(x) (((x) << 18) | ((x) << 20)) /* two bits a pin */

static void set_field(uint32_t address, uint32_t mask, uint32_t value) {
    *reg(address) = (*reg(address) & ~mask) | value;
}

void uart_init(void) {
    *reg(RCC_AHB1ENR) |= RCC_GPIOA;
    *reg(RCC_APB2ENR) |= RCC_USART1;
    set_field(GPIOA_MODER, PIN9_AND_10(3U), PIN9_AND_10(2U)); /* alternate function ... */
    set_field(GPIOA_AFRH, 0xFF0U, 0x770U);                    /* ... 7, USART1 */
    set_field(GPIOA_PUPDR, 3U << 20, 1U << 20); /* RX pulled up: an open wire reads as idle */
    *reg(BOARD_UART_BASE + BRR) = (BOARD_UART_CLOCK_HZ + BOARD_UART_BAUD / 2U) / BOARD_UART_BAUD;
    *reg(BOARD_UART_BASE + CR1) = CR1_UE | CR1_TE | CR1_RE | CR1_RXNEIE;
    irq_enable(BOARD_UART_IRQ);
}

bool uart_set_baud(uint32_t baud) {
    const uint32_t divider = baud_divider(BOARD_UART_CLOCK_HZ, baud);
    if (divider < LEAST_DIVIDER) {
        return false;
    }
    while ((*reg(BOARD_UART_BASE + SR) & SR_TC) == 0U) {
    }
    *reg(BOARD_UART_BASE + BRR) = divider;
    return true;
}

void uart_put(char c) {
    while ((*reg(BOARD_UART_BASE + SR) & SR_TXE) == 0U) {
    }
    *reg(BOARD_UART_BASE + DR) = (uint8_t)c;
}

/* Reading SR and then DR also clears an overrun. */
int32_t uart_poll(void) {
    if ((*reg(BOARD_UART_BASE + SR) & SR_RXNE) == 0U) {
        return UART_NOTHING;
    }
    return (int32_t)(*reg(BOARD_UART_BASE + DR) & 0xFFU);
}

void uart_wait(void) { irq_wait(BOARD_UART_IRQ); }
