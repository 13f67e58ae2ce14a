/* inspect.c: mcugen's own commands: checked transfers, raw outputs, layers, ticks, stack.
 *
 *   mcu info                       what the image holds
 *   mcu load K OFFSET HEX CRC      a block of input K, checked
 *   mcu run                        one inference of what was loaded
 *   mcu output K                   output K, raw
 *   mcu layers                     one inference; the output of each layer, raw
 *   mcu count                      one inference; ticks of the board's timer for each layer
 *   mcu stack                      one inference; bytes of stack that it used
 * SPDX-License-Identifier: MIT-0 */
#include <string.h>

#include "board.h"
#include "harness.h"
#include "observe.h"
#include "platform.h"
#include "text.h"

enum { BLOCK_BYTES = 128 };

static void info(char *arguments) {
    (void)arguments;
    put_named("m-mcu-model-", model.name);
    put_named("m-mcu-id-", model.id);
    put_named("m-mcu-board-", BOARD_NAME);
    for (size_t k = 0; k < model.input_count; k++) {
        put_number("m-mcu-input-", (int32_t)model.inputs[k].bytes);
    }
    for (size_t k = 0; k < model.output_count; k++) {
        put_number("m-mcu-output-", (int32_t)model.outputs[k].bytes);
    }
    put_number("m-mcu-layers-", model.layers);
}

static void load(char *arguments) {
    uint8_t block[BLOCK_BYTES];
    uint32_t k = 0U;
    uint32_t offset = 0U;
    uint32_t crc = 0U;
    const char *const which = next_word(&arguments);
    const char *const where = next_word(&arguments);
    const char *const data = next_word(&arguments);
    const char *const check = next_word(&arguments);
    const int32_t count = parse_bytes(data, block, sizeof block);
    if (count < 0 || !parse_unsigned(which, &k) || !parse_unsigned(where, &offset) ||
        !parse_word(check, &crc)) {
        put_text("e-[mcu load takes K OFFSET HEX CRC, at most 128 bytes]\r\n");
        return;
    }
    if (crc32(0, block, (size_t)count) != crc) {
        put_text("e-[the block is damaged: CRC]\r\n");
        return;
    }
    if (k >= model.input_count || offset > model.inputs[k].bytes ||
        (size_t)count > model.inputs[k].bytes - offset) {
        put_text("e-[no such input, or the block does not lie inside it]\r\n");
        return;
    }
    for (uint32_t i = 0; i < k; i++) {
        offset += (uint32_t)model.inputs[i].bytes;
    }
    memcpy(&model.staging[offset], block, (size_t)count);
    put_text("m-mcu-loaded\r\n");
}

static void run(char *arguments) {
    (void)arguments;
    put_number("m-mcu-status-", model_run());
}

static void output(char *arguments) {
    uint32_t k = 0U;
    if (!parse_unsigned(next_word(&arguments), &k) || k >= model.output_count) {
        put_text("e-[no such output]\r\n");
        return;
    }
    put_block(model.outputs[k].address(), (uint32_t)model.outputs[k].bytes);
}

static void layers(char *arguments) {
    (void)arguments;
    int32_t status = 0;
    (void)observe_run(model_run, OBSERVE_DATA, &status);
    put_number("m-mcu-status-", status);
}

static void put_ticks(const char *name, uint32_t ticks) {
    put_text(name);
    put_text("[");
    put_unsigned(ticks);
    put_text("]\r\n");
}

static int32_t nothing(void) { return 0; }

/* Only the inference itself is measured, so the inputs are put in place first. */
static void count(char *arguments) {
    (void)arguments;
    int32_t status = 0;
    mcu_observe(-1, NULL, 0);
    mcu_observe(-1, NULL, 0);
    put_ticks("m-mcu-empty-layer-", observe_interval());
    put_ticks("m-mcu-empty-run-", observe_run(nothing, OBSERVE_SILENTLY, &status));
    model_load();
    put_ticks("m-mcu-tail-", observe_run(model.invoke, OBSERVE_TICKS, &status));
    put_number("m-mcu-status-", status);
}

static void stack(char *arguments) {
    (void)arguments;
    model_load();
    stack_paint();
    const int32_t status = model.invoke();
    const int32_t used = stack_used();
    put_number("m-mcu-stack-", used);
    put_number("m-mcu-status-", status);
}

static const struct {
    const char *name;
    void (*run)(char *arguments);
} commands[] = {
    {"info", info},     {"load", load},   {"run", run},     {"output", output},
    {"layers", layers}, {"count", count}, {"stack", stack},
};

void inspect_command(char *arguments) {
    const char *const word = next_word(&arguments);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (word != NULL && strcmp(word, commands[i].name) == 0) {
            commands[i].run(arguments);
            return;
        }
    }
    put_text("e-[Unknown command: mcu]\r\n");
}
