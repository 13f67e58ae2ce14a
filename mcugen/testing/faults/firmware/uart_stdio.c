/* uart_stdio.c: a pseudo-terminal on standard input and output as the UART, rate and all.
 * SPDX-License-Identifier: MIT-0 */
#define _DEFAULT_SOURCE

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "board.h"
#include "platform.h"

static struct {
    uint8_t bytes[4096];
    ssize_t count;
    ssize_t next;
} input, output;

static speed_t code(uint32_t baud) {
    switch (baud) {
    case 9600U:
        return B9600;
    case 57600U:
        return B57600;
    case 115200U:
        return B115200;
    case 230400U:
        return B230400;
    case 460800U:
        return B460800;
    case 921600U:
        return B921600;
    default:
        return B0;
    }
}

static void flush(void) {
    for (ssize_t sent = 0; sent < output.count;) {
        const ssize_t count =
            write(STDOUT_FILENO, &output.bytes[sent], (size_t)(output.count - sent));
        if (count <= 0) {
            _exit(1);
        }
        sent += count;
    }
    output.count = 0;
}

bool uart_set_baud(uint32_t baud) {
    struct termios terminal;
    const speed_t speed = code(baud);
    flush();
    return speed != B0 && tcgetattr(STDIN_FILENO, &terminal) == 0 &&
           cfsetspeed(&terminal, speed) == 0 && tcsetattr(STDIN_FILENO, TCSANOW, &terminal) == 0;
}

void uart_init(void) { (void)uart_set_baud(BOARD_UART_BAUD); }

void uart_put(char c) {
    output.bytes[output.count++] = (uint8_t)c;
    if (c == '\n' || output.count == sizeof output.bytes) {
        flush();
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
        input.count = read(STDIN_FILENO, input.bytes, sizeof input.bytes);
        input.next = 0;
        if (input.count <= 0) {
            return UART_GONE;
        }
    }
    return (int32_t)input.bytes[input.next++];
}

void uart_wait(void) { (void)has_input(1000); }
