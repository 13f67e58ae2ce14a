/* mcu_fully_connected_stack_s8_dsp.c: dense layer on int8, eight outputs in a pass, whose inputs
 * lie on the stack.
 *
 * 128 inputs are widened to int16, as pairs, in a window on the stack. The core reads them relative
 * to the stack pointer, which leaves three registers for weights: four inputs take 34 cycles on a
 * Cortex-M4 for 32 products. All 32 fours are unrolled; where there are fewer, the window is filled
 * from its end and the code entered later. A pass takes about 75 cycles more.
 * Where there are more inputs, 128 of them are taken with all outputs, then the next; the first
 * ones are those that are not 128. Until then sums wait in scratch.
 *
 * The stream holds 256 * bias_A + bias_B, bias_B, and so on for all outputs. Then for each 128
 * inputs, for each eight outputs A to H:
 *     per four inputs: lanes of A B for inputs 0 and 2, and for 1 and 3, the same of C D, E F, G H
 *     requantization, for the last inputs
 * mcu_dense_dsp.h says the rest.
 *
 * Registers: r0 stream, r1 r2 inputs, r4-r11 sums, r3 r12 lr weights.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s8_dsp.h"

#include <stddef.h>
#include <string.h>

#include "mcu_dense_dsp.h"
#include "mcu_dsp.h"
#include "mcu_port.h"

enum { FOURS = 32 /* of inputs in the window */, FOUR_BYTES = 108 /* of code */ };

/* What a pass over some inputs needs. The first eight words are the state of mcu_state.h. */
typedef struct {
    mcu_dense_to to;
    const int32_t *begin; /* biases, or sums so far */
    int32_t skip;         /* bytes of unrolled code to skip */
    int32_t products;     /* sum of x * y over the inputs so far, the core adds to it */
    int32_t unused;
    const int8_t *inputs;
    int32_t fours;
    int32_t odd; /* inputs of the first four, 1 to 3, or 0 if it has all */
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define BEGIN "4"
#define SKIP "5"
#define PRODUCTS "6"

/* Where the window lies: behind the state, if that is on the stack. */
#if defined(__ARM_FP)
#define WINDOW "0"
#else
#define WINDOW "32"
#endif

/* Four inputs to the window, and the products of their pairs. */
#define WIDEN(w)                                                                                   \
    "sxtb16 r7, " w "\n sxtb16 " w ", " w ", ror #8\n str r7, [r4], #4\n str " w ", [r4], #4\n"     \
    "smlad r8, r7, " w ", r8\n"

/* Four inputs: FOUR_BYTES of code. */
#define FOUR                                                                                       \
    "ldr r1, [sp, #.Lat]\n ldr r2, [sp, #.Lat + 4]\n"                                              \
    "ldr r3, [r0], #4\n ldr r12, [r0], #4\n ldr lr, [r0], #4\n"                                    \
    MCU_DENSE_ADD("r4", "r5", "r3", "r12", "r1", "r2")                                             \
    "ldm r0!, {r3, r12}\n" MCU_DENSE_ADD("r6", "r7", "lr", "r3", "r1", "r2")                       \
    "ldm r0!, {r3, lr}\n" MCU_DENSE_ADD("r8", "r9", "r12", "r3", "r1", "r2")                       \
    "ldr r3, [r0], #4\n" MCU_DENSE_ADD("r10", "r11", "lr", "r3", "r1", "r2")

MCU_ASSEMBLY_FUNCTION
static const int32_t *core(const int32_t *stream MCU_UNUSED, core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n sub sp, #260\n"
        "ldr r2, [r1, #32]\n ldr r3, [r1, #36]\n ldr r12, [r1, #40]\n ldr r8, [r1, #24]\n"
        "add r4, sp, #256\n sub r4, r4, r3, lsl #3\n"
        "cmp r12, #0\n beq 1f\n"
        "ldr r5, [r2]\n add r2, r12\n sub r3, #1\n" WIDEN("r5")
        "1:\n lsrs r3, #1\n bcc 2f\n"
        "ldr r5, [r2], #4\n" WIDEN("r5")
        "2:\n cbz r3, 4f\n"
        "3:\n ldr r5, [r2], #4\n ldr r6, [r2], #4\n" WIDEN("r5") WIDEN("r6")
        "subs r3, #1\n bne 3b\n"
        "4:\n str r8, [r1, #24]\n"
        MCU_STATE_ENTER
        ".balign 4\n"
        "1:\n"
        MCU_GET("r1", BEGIN) MCU_GET("r2", SKIP)
        "ldm r1!, {r4-r11}\n"
        MCU_PUT(BEGIN, "r1")
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of the first four */
        ".set .Lat, " WINDOW "\n"
        ".rept 32\n" FOUR ".set .Lat, .Lat + 8\n .endr\n"
        MCU_DENSE_FINISH("blo.w 7f\n", MCU_GET("r2", PRODUCTS), "add sp, #260\n pop {r4-r11, pc}\n")
        "7:\n"
        MCU_GET("r2", MCU_DENSE_TO_END)
        "stm lr!, {r4-r11}\n"
        MCU_PUT(MCU_DENSE_TO, "lr")
        "cmp lr, r2\n bne.w 1b\n b.w 5b\n");
}

/* clang-format on */

#else

/* Four inputs to the window; returns the sum of products with theirs. */
static int32_t widen(int32_t *window, const int8_t *four, int32_t products) {
    window[0] = mcu_sxtb16(mcu_load4(four));
    window[1] = mcu_sxtb16_odd(mcu_load4(four));
    return mcu_smlad(window[0], window[1], products);
}

static const int32_t *core(const int32_t *stream, core_args *args) {
    mcu_dense_to to = args->to;
    const int32_t *begin = args->begin;
    const int8_t *inputs = args->inputs;
    int32_t window[2 * FOURS];
    int32_t *const end = window + 2 * args->fours;
    for (int32_t *x = window; x != end; x += 2) {
        args->products = widen(x, inputs, args->products);
        inputs += (x == window && args->odd > 0) ? args->odd : 4;
    }
    int32_t bytes;
    do {
        int32_t sums[MCU_DENSE_OUTPUTS];
        (void)memcpy(sums, begin, sizeof sums);
        begin += MCU_DENSE_OUTPUTS;
        for (const int32_t *x = window; x != end; x += 2, stream += MCU_DENSE_OUTPUTS) {
            mcu_dense_add(sums, stream, x[0], x[1]);
        }
        if (to.end == MCU_DENSE_KEPT) {
            bytes = (int32_t)sizeof sums;
            (void)memcpy(to.to, sums, sizeof sums);
        } else {
            bytes = MCU_DENSE_OUTPUTS;
            stream = mcu_dense_finish(stream, sums, args->products, to.end, to.to);
        }
    } while (mcu_dense_next(&to, bytes));
    return stream;
}

#endif

void mcu_fully_connected_stack_s8_dsp(const mcu_fully_connected_s8_dsp_params *params,
                                      const int8_t *input, int8_t *output, void *scratch) {
    const mcu_fully_connected_s8_dsp_params *const p = params;
    const int32_t rest = p->out % MCU_DENSE_OUTPUTS;
    const int32_t sums = p->out + ((rest > 0) ? MCU_DENSE_OUTPUTS - rest : 0);
    const int32_t fours = (p->in + 3) / 4;
    const int32_t end = mcu_dense_end(p->clamped, p->alike);
    MCU_ASSERT(p->in >= 4);

    for (int32_t row = 0; row < p->batch; row++, input += p->in, output += p->out) {
        int8_t spare[MCU_DENSE_OUTPUTS];
        const int32_t *stream = p->stream + sums;
        int32_t left = fours;
        core_args args;
        args.begin = p->stream;
        args.inputs = input;
        args.fours = (fours - 1) % FOURS + 1;
        args.odd = p->in % 4;
        args.products = 0;
        do {
            left -= args.fours;
            args.skip = FOUR_BYTES * (FOURS - args.fours);
            args.to = (left == 0) ? mcu_dense_outputs(output, p->out, spare, end)
                                  : (mcu_dense_to){scratch, (int32_t *)scratch + sums, NULL,
                                                   MCU_DENSE_KEPT};
            stream = core(stream, &args);
            args.begin = scratch;
            args.inputs += 4 * args.fours - ((args.odd > 0) ? 4 - args.odd : 0);
            args.fours = FOURS;
            args.odd = 0;
        } while (left > 0);
        for (int32_t i = 0; i < rest; i++) {
            output[p->out - rest + i] = spare[i];
        }
    }
}
