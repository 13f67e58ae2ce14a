/* firmware.c: a model for tests of the harness; MODEL_* chooses what it does wrong. */
#include "harness.h"
#include "observe.h"
#include "platform.h"
#include "text.h"

#ifndef MODEL_BYTES
#define MODEL_BYTES 300
#endif
#ifndef MODEL_LOOPS
#define MODEL_LOOPS 1000
#endif

static int8_t first[MODEL_BYTES];
static int8_t second[2];
static int8_t sum[MODEL_BYTES];
static uint8_t staging[sizeof first + sizeof second];

static void *input_0(void) { return first; }
static void *input_1(void) { return second; }
static const void *output_0(void) { return sum; }
static const void *output_1(void) { return first; }

/* On Cortex-M: one instruction, and two for each turn. */
__attribute__((unused)) static void loop(uint32_t count) {
#if defined(__arm__)
    __asm__ volatile(".syntax unified\n\t"
                     "movs r0, %0\n"
                     "1:\n\t"
                     "subs r0, r0, #1\n\t"
                     "bne 1b" ::"r"(count)
                     : "r0", "cc");
#else
    (void)count;
#endif
}

/* In memory, so that the instructions around a loop do not depend on it. */
__attribute__((unused)) static volatile uint32_t turns = MODEL_LOOPS;

#if defined(MODEL_OVERFLOWS)
static int32_t dig(volatile int32_t *above) {
    volatile int32_t here[64];
    here[0] = *above + 1;
    return (here[0] == 0) ? 0 : dig(here) + here[0];
}
#endif

static int32_t invoke(void) {
#if defined(MODEL_HANGS)
    while (turns != 0U) {
    }
#elif defined(MODEL_FAULTS)
    __builtin_trap();
#elif defined(MODEL_BABBLES)
    put_text("\x01\x80 what?\r\n");
#elif defined(MODEL_DRONES)
    for (;;) {
        uart_put('x');
    }
#elif defined(MODEL_REFUSES)
    return 1;
#elif defined(MODEL_OVERFLOWS)
    volatile int32_t top = 0;
    return dig(&top);
#elif defined(MODEL_STACK)
    volatile uint32_t words[MODEL_STACK / 4];
    for (uint32_t i = 0; i < MODEL_STACK / 4; i++) {
        words[i] = i;
    }
    return (int32_t)words[0];
#elif defined(MODEL_LOOPS_ONLY)
    loop(turns);
#else
    for (int32_t i = 0; i < MODEL_BYTES; i++) {
        sum[i] = (int8_t)(first[i] + second[0]);
    }
#ifdef MCU_OBSERVE
    mcu_observe(0, sum, MODEL_BYTES);
#endif
    loop(turns);
#ifdef MCU_OBSERVE
    mcu_observe(1, second, sizeof second);
#endif
    loop(2U * turns);
    for (int32_t i = 0; i < MODEL_BYTES; i++) {
        sum[i] = (int8_t)(sum[i] + second[1]);
    }
#ifdef MCU_OBSERVE
    mcu_observe(2, sum, MODEL_BYTES);
#endif
#endif
    return 0;
}

static const model_input inputs[] = {{input_0, sizeof first}, {input_1, sizeof second}};

static const model_output outputs[] = {
    {output_0, sizeof sum, ELEMENT_S8, 0.5F, -1},
    {output_1, 4, ELEMENT_S8, 0.25F, 2},
};

const model_table model = {
    .name = "test",
    .id = "0123456789abcdef",
    .inputs = inputs,
    .input_count = 2,
    .outputs = outputs,
    .output_count = 2,
    .staging = staging,
    .staging_bytes = sizeof first + sizeof second,
    .staging_room = sizeof staging,
    .invoke = invoke,
#ifdef MCU_OBSERVE
    .layers = 3,
#else
    .layers = 0,
#endif
};
