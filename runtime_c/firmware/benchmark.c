/* benchmark.c: the commands of MLPerf Tiny (EEMBC EnergyRunner), for any model.
 * SPDX-License-Identifier: MIT-0 */
#include <string.h>

#include "board.h"
#include "harness.h"
#include "platform.h"
#include "text.h"
#include "th.h"

enum { DB_LINE = 32 }; /* bytes per line of "db print" */

#ifdef MCU_ENERGY_MODE
#define ENERGY_MODE true
#else
#define ENERGY_MODE false
#endif

static struct {
    size_t expected; /* bytes that "db load" announced */
    size_t loaded;   /* of them, bytes that have come */
    bool is_raw;     /* they are not inputs yet */
    uint32_t microseconds;
    uint32_t at_ticks; /* of the timer, at that microsecond */
} state;

/* ---- time and hooks */

/* True while it is called at least once per wrap of the timer. */
static void update_time(void) {
    const uint32_t per_microsecond = clock_rate(BOARD_TIMER_HZ, BOARD_TIMER_RESET_HZ) / 1000000U;
    const uint32_t passed = (timer_read() - state.at_ticks) / per_microsecond;
    state.microseconds += passed;
    state.at_ticks += passed * per_microsecond;
}

static void put_suffixed(const char *name, uint32_t value) {
    put_text(name);
    put_unsigned(value);
    put_end();
}

__attribute__((weak)) void th_timestamp(void) {
    if (ENERGY_MODE) {
        pin_set(false);
        for (volatile uint32_t i = 0U; i < 1000U; i++) { /* microseconds on any core */
        }
        pin_set(true);
        return;
    }
    update_time();
    put_suffixed("m-lap-us-", state.microseconds);
}

__attribute__((weak)) void th_pre(void) {
    if (!ENERGY_MODE) {
        pin_set(true);
    }
}

__attribute__((weak)) void th_post(void) {
    if (!ENERGY_MODE) {
        pin_set(false);
    }
}

__attribute__((weak)) bool th_load_tensor(uint8_t *buffer, size_t bytes) {
    (void)buffer;
    return bytes == model.staging_bytes;
}

static float element(const model_output *port, size_t index) {
    const uint8_t *const data = port->address();
    int32_t q = 0;
    float real = 0.0F;
    int16_t half = 0;
    switch (port->type) {
    case ELEMENT_S8:
        q = ((const int8_t *)data)[index];
        break;
    case ELEMENT_U8:
        q = data[index];
        break;
    case ELEMENT_S16:
        memcpy(&half, &data[index * sizeof half], sizeof half);
        q = half;
        break;
    case ELEMENT_S32:
        memcpy(&q, &data[index * sizeof q], sizeof q);
        break;
    case ELEMENT_S64: /* of indices only, of which the lower half is enough */
        memcpy(&q, &data[index * 2 * sizeof q], sizeof q);
        break;
    case ELEMENT_F32:
    default:
        memcpy(&real, &data[index * sizeof real], sizeof real);
        return real;
    }
    return port->scale * (float)(q - port->zero_point);
}

static size_t element_bytes(element_type type) {
    switch (type) {
    case ELEMENT_S8:
    case ELEMENT_U8:
        return 1;
    case ELEMENT_S16:
        return 2;
    case ELEMENT_S64:
        return 8;
    case ELEMENT_S32:
    case ELEMENT_F32:
    default:
        return 4;
    }
}

__attribute__((weak)) void th_results(void) {
    const char *separator = "";
    put_text("m-results-[");
    for (size_t k = 0; k < model.output_count; k++) {
        const model_output *const port = &model.outputs[k];
        for (size_t i = 0; i < port->bytes / element_bytes(port->type); i++) {
            put_text(separator);
            put_real(element(port, i));
            separator = ",";
        }
    }
    put_text("]");
    put_end();
}

/* ---- commands */

static void name(char *arguments) {
    (void)arguments;
    put_named("m-name-dut-", BOARD_NAME);
}

static void profile(char *arguments) {
    (void)arguments;
    put_named("m-profile-", "ML Commons tinyMLPerf v1.0, mcugen");
    put_named("m-model-", model.name);
}

static void timestamp(char *arguments) {
    (void)arguments;
    th_timestamp();
}

static void results(char *arguments) {
    (void)arguments;
    th_results();
}

/* The arena may have been used since, so the inputs are put in place for each run. */
static int32_t run_times(uint32_t times) {
    int32_t status = 0;
    for (; times > 0U && status == 0; times--) {
        status = model_run();
        update_time();
    }
    return status;
}

static bool has_inputs(void) {
    if (state.is_raw && !th_load_tensor(model.staging, state.loaded)) {
        put_text("e-[the model takes another number of bytes than the ");
        put_unsigned((uint32_t)state.loaded);
        put_text(" that were loaded]\r\n");
        return false;
    }
    state.is_raw = false;
    return true;
}

static void infer(char *arguments) {
    uint32_t times = 1U;
    uint32_t warmup = 10U; /* the reference harness's default */
    const char *const first = next_word(&arguments);
    const char *const second = next_word(&arguments);
    if ((first != NULL && (!parse_unsigned(first, &times) || times == 0U)) ||
        (second != NULL && !parse_unsigned(second, &warmup))) {
        put_error("infer takes a number of inferences, at least 1, and of warm-ups", "");
        return;
    }
    if (!has_inputs()) {
        return;
    }
    put_suffixed("m-warmup-start-", warmup);
    int32_t status = run_times(warmup);
    put_text("m-warmup-done\r\n");
    put_suffixed("m-infer-start-", times);
    th_timestamp();
    th_pre();
    status = (status == 0) ? run_times(times) : status;
    th_post();
    th_timestamp();
    if (status != 0 || !model_is_intact()) {
        put_error((status != 0) ? "the model refused to run"
                                : "the model wrote outside of its memory",
                  "");
        return;
    }
    put_text("m-infer-done\r\n");
    th_results();
}

static void db_load(const char *count) {
    uint32_t bytes = 0U;
    if (!parse_unsigned(count, &bytes) || bytes == 0U || bytes > model.staging_room) {
        put_text("e-[db load takes a number of bytes, at most ");
        put_unsigned((uint32_t)model.staging_room);
        put_text("]\r\n");
        return;
    }
    state.expected = bytes;
    state.loaded = 0;
    state.is_raw = true;
    put_text("m-[Expecting ");
    put_unsigned(bytes);
    put_text(" bytes]\r\n");
}

static void db_print(void) {
    const size_t bytes = state.is_raw ? state.loaded : model.staging_bytes;
    for (size_t i = 0; i < bytes; i += DB_LINE) {
        const size_t left = bytes - i;
        put_text("m-buffer-");
        put_bytes(&model.staging[i], (left < DB_LINE) ? left : DB_LINE);
        put_end();
    }
}

static void db_bytes(const char *word) {
    const size_t left = state.expected - state.loaded;
    const int32_t count = parse_bytes(word, &model.staging[state.loaded], left);
    if (count < 0) {
        put_error("not hexadecimal, or more than db load announced: ", word);
        return;
    }
    state.loaded += (size_t)count;
    if (count > 0 && state.loaded == state.expected) {
        put_text("m-load-done\r\n");
    }
}

static void db(char *arguments) {
    const char *const word = next_word(&arguments);
    if (word == NULL) {
        put_error("db takes load N, print, or bytes in hexadecimal", "");
    } else if (is_word(word, "load")) {
        db_load(next_word(&arguments));
    } else if (is_word(word, "print")) {
        db_print();
    } else {
        db_bytes(word);
    }
}

static void help(char *arguments);

static const struct {
    const char *name;
    void (*run)(char *arguments);
    const char *usage;
} commands[] = {
    {"name", name, "name"},
    {"profile", profile, "profile"},
    {"timestamp", timestamp, "timestamp"},
    {"db", db, "db load N | db HEX | db print"},
    {"infer", infer, "infer N W"},
    {"results", results, "results"},
    {"help", help, "help"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void help(char *arguments) {
    (void)arguments;
    for (size_t i = 0; i < COMMANDS; i++) {
        put_text("m-help-");
        put_text(commands[i].usage);
        put_end();
    }
    put_text("m-help-mcu info | load | run | output | layer | count | cycles | stack | baud\r\n");
}

bool benchmark_command(const char *word, char *arguments) {
    for (size_t i = 0; i < COMMANDS; i++) {
        if (is_word(word, commands[i].name)) {
            commands[i].run(arguments);
            return true;
        }
    }
    return false;
}

void benchmark_start(void) {
    pin_init();
    put_text("m-timestamp-mode-");
    put_text(ENERGY_MODE ? "energy\r\n" : "performance\r\n");
    th_timestamp();
    put_text("m-init-done\r\nm-ready\r\n");
}
