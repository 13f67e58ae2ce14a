/* inspect.c: mcugen's own commands: raw inputs and outputs, layers, ticks, stack, rate.
 *
 *   mcu info                       what the image holds
 *   mcu load K OFFSET HEX          a block of input K
 *   mcu run [CRC]                  one inference of what was loaded
 *   mcu output K [RUN AT COUNT]    output K, raw; COUNT bytes of it, if it is of the run of that
 *                                  sequence number
 *   mcu layer N [CRC]              one inference; the output of its Nth layer, raw
 *   mcu count [CRC]                one inference; ticks of the board's timer for each layer
 *   mcu cycles [CRC]               one inference; clocks of the core for each layer
 *   mcu stack [CRC]                one inference; bytes of stack that it used
 *   mcu baud N                     another rate, on trial: see rate.c
 *
 * CRC is that of all inputs, one after the other. With it, a run of other inputs, as after a reset,
 * is refused with an error that begins with "lost". A sealed "mcu run" that comes again under its
 * number is answered again, and not run again.
 * SPDX-License-Identifier: MIT-0 */
#include <string.h>

#include "board.h"
#include "harness.h"
#include "observe.h"
#include "platform.h"
#include "text.h"
#include "th.h"

enum { BLOCK_BYTES = 128 };
enum { PROTOCOL = 2 };

/* The run whose outputs lie in the arena. */
static struct {
    uint32_t sequence; /* 0: none that was sealed */
    int32_t status;
    uint32_t ticks;
} last_run;

static void put_status(int32_t status) {
    if (model_is_intact()) {
        put_number("m-mcu-status-", status);
    } else {
        put_error("the model wrote outside of its memory", "");
    }
}

/* True if there is no CRC, or if it is that of the inputs. */
static bool is_staged(char *arguments) {
    uint32_t crc = 0U;
    const char *const word = next_word(&arguments);
    if (word == NULL) {
        return true;
    }
    if (!parse_word(word, &crc) || crc != crc32(0, model.staging, model.staging_bytes)) {
        put_error("lost: these are not the inputs here", "");
        return false;
    }
    return true;
}

static void info(uint32_t sequence, char *arguments) {
    (void)sequence;
    (void)arguments;
    put_count("m-mcu-protocol-", PROTOCOL);
    put_named("m-mcu-model-", model.name);
    put_named("m-mcu-id-", model.id);
    put_named("m-mcu-board-", BOARD_NAME);
    put_count("m-mcu-timer-hz-", clock_rate(BOARD_TIMER_HZ, BOARD_TIMER_RESET_HZ));
    for (size_t k = 0; k < model.input_count; k++) {
        put_number("m-mcu-input-", (int32_t)model.inputs[k].bytes);
    }
    for (size_t k = 0; k < model.output_count; k++) {
        put_number("m-mcu-output-", (int32_t)model.outputs[k].bytes);
    }
    put_number("m-mcu-layers-", model.layers);
}

static void load(uint32_t sequence, char *arguments) {
    (void)sequence;
    uint32_t k = 0U;
    uint32_t offset = 0U;
    uint8_t block[BLOCK_BYTES];
    const char *const which = next_word(&arguments);
    const char *const where = next_word(&arguments);
    const int32_t count = parse_bytes(next_word(&arguments), block, sizeof block);
    if (count < 0 || !parse_unsigned(which, &k) || !parse_unsigned(where, &offset)) {
        put_error("mcu load takes K OFFSET HEX, at most 128 bytes", "");
        return;
    }
    if (k >= model.input_count || offset > model.inputs[k].bytes ||
        (size_t)count > model.inputs[k].bytes - offset) {
        put_error("no such input, or the block does not lie inside it", "");
        return;
    }
    for (uint32_t i = 0; i < k; i++) {
        offset += (uint32_t)model.inputs[i].bytes;
    }
    memcpy(&model.staging[offset], block, (size_t)count);
    put_text("m-mcu-loaded\r\n");
}

static void run(uint32_t sequence, char *arguments) {
    const bool again = sequence != 0U && sequence == last_run.sequence;
    if (!again) {
        last_run.sequence = 0U;
        if (!is_staged(arguments)) {
            return;
        }
        model_load();
        th_pre();
        last_run.ticks = observe_run(timer_read, model.invoke, OBSERVE_NOTHING, &last_run.status);
        th_post();
        last_run.sequence = sequence;
    }
    put_count("m-mcu-run-ticks-", last_run.ticks);
    put_status(last_run.status);
}

static void output(uint32_t sequence, char *arguments) {
    (void)sequence;
    uint32_t k = 0U;
    uint32_t of_run = 0U;
    uint32_t at = 0U;
    if (!parse_unsigned(next_word(&arguments), &k) || k >= model.output_count) {
        put_error("no such output", "");
        return;
    }
    uint32_t count = (uint32_t)model.outputs[k].bytes;
    const char *const word = next_word(&arguments);
    if (word != NULL) {
        if (!parse_unsigned(word, &of_run) || of_run != last_run.sequence || of_run == 0U) {
            put_error("lost: that run's outputs are not here", "");
            return;
        }
        if (!parse_unsigned(next_word(&arguments), &at) || at > count ||
            !parse_unsigned(next_word(&arguments), &count) ||
            count > (uint32_t)model.outputs[k].bytes - at) {
            put_error("the block does not lie inside the output", "");
            return;
        }
    }
    put_block((const uint8_t *)model.outputs[k].address() + at, count);
}

/* Measurements run the model for themselves; what is in the arena then is no run's. */
static bool begin_measurement(char *arguments) {
    last_run.sequence = 0U;
    if (!is_staged(arguments)) {
        return false;
    }
    model_load();
    return true;
}

static void layer(uint32_t sequence, char *arguments) {
    (void)sequence;
    uint32_t which = 0U;
    int32_t status = 0;
    if (!parse_unsigned(next_word(&arguments), &which) || which >= (uint32_t)model.layers) {
        put_error("no such layer in this image", "");
        return;
    }
    if (begin_measurement(arguments)) {
        observe_layer(which);
        (void)observe_run(timer_read, model.invoke, OBSERVE_DATA, &status);
        put_status(status);
    }
}

static int32_t nothing(void) { return 0; }

/* Only the inference itself is measured, so the inputs are put in place first. */
static void measure(uint32_t (*clock)(void), char *arguments) {
    int32_t status = 0;
    if (!begin_measurement(arguments)) {
        return;
    }
    (void)observe_run(clock, nothing, OBSERVE_NOTHING, &status);
    mcu_observe(-1, NULL, 0);
    mcu_observe(-1, NULL, 0);
    put_count("m-mcu-empty-layer-", observe_interval());
    put_count("m-mcu-empty-run-", observe_run(clock, nothing, OBSERVE_NOTHING, &status));
    put_count("m-mcu-tail-", observe_run(clock, model.invoke, OBSERVE_TICKS, &status));
    put_status(status);
}

static void ticks(uint32_t sequence, char *arguments) {
    (void)sequence;
    measure(timer_read, arguments);
}

static void cycles(uint32_t sequence, char *arguments) {
    (void)sequence;
    if (cycles_init()) {
        measure(cycles_read, arguments);
    } else {
        put_error("no cycle counter here", "");
    }
}

static void stack(uint32_t sequence, char *arguments) {
    (void)sequence;
    if (!begin_measurement(arguments)) {
        return;
    }
    stack_paint();
    const int32_t status = model.invoke();
    const int32_t used = stack_used();
    put_number("m-mcu-stack-", used);
    put_status(status);
}

static void baud(uint32_t sequence, char *arguments) {
    (void)sequence;
    uint32_t wanted = 0U;
    if (parse_unsigned(next_word(&arguments), &wanted) && rate_request(wanted)) {
        put_count("m-mcu-baud-", wanted);
    } else {
        put_error("the UART has no such rate", "");
    }
}

static const struct {
    const char *name;
    void (*run)(uint32_t sequence, char *arguments);
} commands[] = {
    {"info", info},   {"load", load},     {"run", run},     {"output", output}, {"layer", layer},
    {"count", ticks}, {"cycles", cycles}, {"stack", stack}, {"baud", baud},
};

void inspect_command(uint32_t sequence, char *arguments) {
    const char *const word = next_word(&arguments);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (is_word(word, commands[i].name)) {
            commands[i].run(sequence, arguments);
            return;
        }
    }
    put_error("Unknown command: mcu", "");
}
