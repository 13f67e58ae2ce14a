/* rate.c: other rates of the UART. A new one is on trial: without a sealed command that is
 * understood at it within a second, the one before comes back.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "harness.h"
#include "platform.h"

enum { LEAST_BAUD = 300, MOST_BAUD = 12000000 }; /* drivers need not look */

static struct {
    uint32_t baud;
    uint32_t before;
    uint32_t wanted; /* 0 for none */
    uint32_t since;
    bool on_trial;
} rate = {.baud = BOARD_UART_BAUD};

/* The rate is tried and taken back while nothing is sent. */
bool rate_request(uint32_t baud) {
    if (baud < LEAST_BAUD || baud > MOST_BAUD || !uart_set_baud(baud)) {
        return false;
    }
    (void)uart_set_baud(rate.baud);
    rate.wanted = baud;
    return true;
}

void rate_apply(void) {
    if (rate.wanted != 0U && rate.wanted != rate.baud) {
        (void)uart_set_baud(rate.wanted);
        rate.before = rate.baud;
        rate.baud = rate.wanted;
        rate.since = timer_read();
        rate.on_trial = true;
    }
    rate.wanted = 0U;
}

void rate_confirm(void) { rate.on_trial = false; }

bool rate_on_trial(void) {
    if (rate.on_trial &&
        timer_read() - rate.since > clock_rate(BOARD_TIMER_HZ, BOARD_TIMER_RESET_HZ)) {
        (void)uart_set_baud(rate.before);
        rate.baud = rate.before;
        rate.on_trial = false;
    }
    return rate.on_trial;
}
