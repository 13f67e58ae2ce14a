/* uart_stdio.c: standard input and output in place of a UART.
 * SPDX-License-Identifier: MIT-0 */
#include <stdio.h>

#include "platform.h"

void uart_init(void) {}

void uart_put(char c) {
    (void)putchar(c);
    if (c == '\n') {
        (void)fflush(stdout);
    }
}

int32_t uart_get(void) { return (int32_t)getchar(); }
