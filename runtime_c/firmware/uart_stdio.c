/* uart_stdio.c: standard input and output in place of a UART.
 * SPDX-License-Identifier: MIT-0 */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "platform.h"

static struct {
    uint8_t bytes[4096];
    size_t count;
    size_t next;
} input;

void uart_init(void) {}

/* There is no wire, so every rate will do. */
bool uart_set_baud(uint32_t baud) {
    (void)baud;
    return true;
}

void uart_put(char c) {
    (void)putchar(c);
    if (c == '\n') {
        (void)fflush(stdout);
    }
}

static bool has_input(int timeout_ms) {
    struct pollfd input_end = {STDIN_FILENO, POLLIN, 0};
    return poll(&input_end, 1, timeout_ms) > 0;
}

int32_t uart_poll(void) {
    if (input.next == input.count) {
        if (!has_input(0)) {
            return UART_NOTHING;
        }
        const ssize_t count = read(STDIN_FILENO, input.bytes, sizeof input.bytes);
        if (count <= 0) {
            return UART_GONE;
        }
        input.count = (size_t)count;
        input.next = 0;
    }
    return (int32_t)input.bytes[input.next++];
}

void uart_wait(void) { (void)has_input(-1); }
