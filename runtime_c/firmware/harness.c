/* harness.c: takes commands from the UART and answers them, for any model.
 *
 * A command ends in '%'; what stands before a line's end is dropped, so a line's end begins anew.
 * Replies are lines; "m-ready" ends each. Lines that begin with "e-" are errors. Commands are those
 * of MLPerf Tiny, see benchmark.c, and behind the word "mcu" mcugen's own, see inspect.c.
 *
 * Any command may come sealed, "@SEQUENCE CRC COMMAND%", with the CRC-32 of "SEQUENCE COMMAND". A
 * damaged one is refused. The reply to it stands between "m-mcu-begin-[SEQUENCE]" and
 * "m-mcu-end-[SEQUENCE,CRC]", with the CRC-32 of the sequence number and all between both lines.
 * SPDX-License-Identifier: MIT-0 */
#include "harness.h"

#include <string.h>

#include "board.h"
#include "platform.h"
#include "text.h"

enum { COMMAND_SIZE = 320 }; /* a sealed "mcu load" of 128 bytes is the longest */

bool clocks_are_raised;

char *next_word(char **rest) {
    char *word = *rest;
    while (word != NULL && *word == ' ') {
        word++;
    }
    if (word == NULL || *word == '\0') {
        return NULL;
    }
    char *end = word;
    while (*end != ' ' && *end != '\0') {
        end++;
    }
    *rest = (*end == '\0') ? NULL : end + 1;
    *end = '\0';
    return word;
}

/* What byte `at` of a guard holds: no two in a row are alike, as what a kernel pads with is. */
static uint8_t canary(size_t at) { return (uint8_t)(0xA5U ^ (at * 37U)); }

bool model_is_intact(void) {
    for (size_t i = 0; i < model.guard_count; i++) {
        for (size_t at = 0; at < MODEL_GUARD; at++) {
            if (model.guards[i][at] != canary(at)) {
                return false;
            }
        }
    }
    return true;
}

void model_load(void) {
    for (size_t i = 0; i < model.guard_count; i++) {
        for (size_t at = 0; at < MODEL_GUARD; at++) {
            model.guards[i][at] = canary(at);
        }
    }
    const uint8_t *source = model.staging;
    for (size_t i = 0; i < model.input_count; i++) {
        memcpy(model.inputs[i].address(), source, model.inputs[i].bytes);
        source += model.inputs[i].bytes;
    }
}

int32_t model_run(void) {
    model_load();
    return model.invoke();
}

static void dispatch(uint32_t sequence, char *line) {
    const char *const word = next_word(&line);
    if (is_word(word, "mcu")) {
        inspect_command(sequence, line);
    } else if (word == NULL || !benchmark_command(word, line)) {
        put_error("Unknown command: ", (word == NULL) ? "" : word);
    }
}

static uint32_t crc_of(uint32_t crc, const char *text) {
    for (; *text != '\0'; text++) {
        const uint8_t byte = (uint8_t)*text;
        crc = crc32(crc, &byte, 1);
    }
    return crc;
}

/* `line` is "SEQUENCE CRC COMMAND". */
static void dispatch_sealed(char *line) {
    uint32_t sequence = 0U;
    uint32_t crc = 0U;
    const char *const number = next_word(&line);
    const char *const check = next_word(&line);
    const bool has_form = parse_unsigned(number, &sequence) && parse_word(check, &crc);
    if (!has_form || line == NULL || sequence == 0U ||
        crc != crc_of(crc_of(crc_of(0U, number), " "), line)) {
        put_error("the command is damaged", "");
        return;
    }
    rate_confirm();
    put_count("m-mcu-begin-", sequence);
    put_sum_start(crc_of(0U, number));
    dispatch(sequence, line);
    const uint32_t sum = put_sum();
    put_text("m-mcu-end-[");
    put_unsigned(sequence);
    put_char(',');
    put_word(sum);
    put_text("]\r\n");
}

/* Reads up to '%'. What is too long for the buffer is swallowed. False when the input ended. */
static bool read_command(char *line) {
    size_t length = 0;
    for (;;) {
        const bool on_trial = rate_on_trial();
        const int32_t byte = uart_poll();
        if (byte == UART_GONE) {
            return false;
        }
        if (byte == UART_NOTHING) {
            if (!on_trial) { /* nobody would wake the core when the trial is over */
                uart_wait();
            }
            continue;
        }
        if (byte == '%') {
            break;
        }
        if (byte == '\n' || byte == '\r') {
            length = 0;
        }
        if (byte < ' ' || byte > '~') {
            continue;
        }
        if (length < COMMAND_SIZE) {
            line[length] = (char)byte;
        }
        length++;
    }
    line[(length < COMMAND_SIZE) ? length : 0U] = '\0';
    if (length >= COMMAND_SIZE) {
        put_error("the command is too long", "");
    }
    return true;
}

int main(void) {
    static char line[COMMAND_SIZE];
    clocks_are_raised = clock_init();
    uart_init();
    timer_init();
    benchmark_start();
    while (read_command(line)) {
        if (line[0] == '@') {
            dispatch_sealed(&line[1]);
        } else {
            dispatch(0U, line);
        }
        put_text("m-ready\r\n");
        rate_apply();
    }
    return 0;
}
