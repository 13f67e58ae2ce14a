/* harness.c: the text protocol of MLPerf Tiny (EEMBC), for any model.
 *
 * A command ends in '%'. Replies are lines; "m-ready" ends each reply. Lines that begin with "e-"
 * are errors. Commands that begin with "mcu" are mcugen's own, see inspect.c.
 * SPDX-License-Identifier: MIT-0 */
#include "harness.h"

#include <string.h>

#include "board.h"
#include "platform.h"
#include "text.h"

enum {
    COMMAND_SIZE = 320, /* "mcu load" with 128 bytes in hexadecimal is the longest */
    DB_LINE = 32,       /* bytes per line of "db print" */
};

typedef struct {
    const char *name;
    void (*run)(char *arguments);
    const char *usage;
} command;

/* The only state between commands: how much input has come, and the time. */
static struct {
    size_t expected; /* bytes that "db load" announced */
    size_t loaded;   /* of them, bytes that have come */
    uint32_t last_ticks;
    uint64_t ticks;
} state;

char *next_word(char **rest) {
    char *word = *rest;
    if (word == NULL) {
        return NULL;
    }
    word += strspn(word, " ");
    if (*word == '\0') {
        return NULL;
    }
    char *const end = word + strcspn(word, " ");
    *rest = (*end == '\0') ? NULL : end + 1;
    *end = '\0';
    return word;
}

void model_load(void) {
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

/* Extends the counter to 64 bits; true while it is called at least once per wrap. */
static void update_time(void) {
    const uint32_t now = timer_read();
    state.ticks += now - state.last_ticks;
    state.last_ticks = now;
}

static void put_error(const char *text, const char *detail) {
    put_text("e-[");
    put_text(text);
    put_text(detail);
    put_text("]");
    put_end();
}

static void put_count(const char *name, uint32_t value) {
    put_text(name);
    put_unsigned(value);
    put_end();
}

static void timestamp(char *arguments) {
    (void)arguments;
    update_time();
    put_count("m-lap-us-", (uint32_t)(state.ticks * 1000000U / BOARD_TIMER_HZ));
}

static void name(char *arguments) {
    (void)arguments;
    put_named("m-name-dut-", BOARD_NAME);
}

static void profile(char *arguments) {
    (void)arguments;
    put_named("m-profile-", "ML Commons tinyMLPerf v1.0, mcugen");
    put_named("m-model-", model.name);
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
    case ELEMENT_S32:
    case ELEMENT_F32:
    default:
        return 4;
    }
}

/* All outputs, one after the other, as real numbers. */
static void results(char *arguments) {
    (void)arguments;
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

static int32_t run_times(uint32_t times) {
    int32_t status = 0;
    for (; times > 0U && status == 0; times--) {
        status = model_run();
        update_time();
    }
    return status;
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
    put_count("m-warmup-start-", warmup);
    int32_t status = run_times(warmup);
    put_text("m-warmup-done\r\n");
    put_count("m-infer-start-", times);
    timestamp(NULL);
    status = (status == 0) ? run_times(times) : status;
    timestamp(NULL);
    if (status != 0) {
        put_error("the model refused to run", "");
        return;
    }
    put_text("m-infer-done\r\n");
    results(NULL);
}

static void db_load(const char *count) {
    uint32_t bytes = 0U;
    if (!parse_unsigned(count, &bytes) || bytes != model.staging_bytes) {
        put_text("e-[db load takes the size of the input, ");
        put_unsigned((uint32_t)model.staging_bytes);
        put_text(" bytes]\r\n");
        return;
    }
    state.expected = bytes;
    state.loaded = 0;
    put_text("m-[Expecting ");
    put_unsigned(bytes);
    put_text(" bytes]\r\n");
}

static void db_print(void) {
    for (size_t i = 0; i < model.staging_bytes; i += DB_LINE) {
        const size_t left = model.staging_bytes - i;
        put_text("m-buffer-");
        put_bytes(&model.staging[i], (left < DB_LINE) ? left : DB_LINE);
        put_end();
    }
}

static void db(char *arguments) {
    const char *const word = next_word(&arguments);
    if (word == NULL) {
        put_error("db takes load N, print, or bytes in hexadecimal", "");
    } else if (strcmp(word, "load") == 0) {
        db_load(next_word(&arguments));
    } else if (strcmp(word, "print") == 0) {
        db_print();
    } else {
        const size_t left = state.expected - state.loaded;
        const int32_t count = parse_bytes(word, &model.staging[state.loaded], left);
        if (count < 0) {
            put_error("not hexadecimal, or more than db load announced: ", word);
            return;
        }
        state.loaded += (size_t)count;
        if (state.expected > 0U && state.loaded == state.expected) {
            state.expected = 0;
            state.loaded = 0;
            put_text("m-load-done\r\n");
        }
    }
}

static void help(char *arguments);

static const command commands[] = {
    {"name", name, "name"},
    {"profile", profile, "profile"},
    {"timestamp", timestamp, "timestamp"},
    {"db", db, "db load N | db HEX | db print"},
    {"infer", infer, "infer N W"},
    {"results", results, "results"},
    {"mcu", inspect_command,
     "mcu info | load K OFFSET HEX CRC | run | output K | layers | count | stack"},
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
}

static void dispatch(char *line) {
    const char *const word = next_word(&line);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (word != NULL && strcmp(word, commands[i].name) == 0) {
            commands[i].run(line);
            return;
        }
    }
    put_error("Unknown command: ", (word == NULL) ? "" : word);
}

/* Reads up to '%'. What is too long for the buffer is swallowed. False when the input ended. */
static bool read_command(char *line) {
    size_t length = 0;
    for (;;) {
        const int32_t byte = uart_poll();
        if (byte == UART_NOTHING) {
            uart_wait();
            continue;
        }
        if (byte == UART_GONE) {
            return false;
        }
        if (byte == '%') {
            break;
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
    uart_init();
    timer_init();
    put_text("m-init-done\r\nm-ready\r\n");
    while (read_command(line)) {
        dispatch(line);
        put_text("m-ready\r\n");
    }
    return 0;
}
