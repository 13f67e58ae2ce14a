/* mcu_fully_connected_s8_dsp.c: dense layer on int8, eight outputs in a pass, inputs widened as
 * they are read.
 *
 * SXTB16 makes the pairs of four inputs. Eight outputs share that, so it needs no copy of the
 * inputs. Four inputs take 35 cycles on a Cortex-M4 for 32 products, a pass about 75 more.
 * The stream holds, for each eight outputs A to H, in the order of reading:
 *     256 * bias_A + bias_B, bias_B, and so on for C D, E F, G H
 *     per four inputs: lanes of A B for inputs 0 and 2, and for 1 and 3, the same of C D, E F, G H
 *     requantization
 * mcu_dense_dsp.h says the rest.
 *
 * Registers: r0 stream, r1 inputs, r2 r3 pairs of inputs, r4-r11 sums, r12 lr weights.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s8_dsp.h"

#include <stddef.h>
#include <string.h>

#include "mcu_dense_dsp.h"
#include "mcu_dsp.h"
#include "mcu_port.h"

enum { UNROLL = 8, STEP_BYTES = 112 };

/* The state of mcu_state.h. */
typedef struct {
    mcu_dense_to to;
    const int8_t *inputs;
    const int8_t *whole; /* the first of a multiple of four inputs */
    const int8_t *inputs_end;
    int32_t skip; /* bytes of unrolled code to skip in the first round */
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define INPUTS "4"
#define WHOLE "5"
#define INPUTS_END "6"
#define SKIP "7"

/* Where the sum of products of inputs lies: behind the state, if that is on the stack. */
#if defined(__ARM_FP)
#define PRODUCTS "ldr r2, [sp]\n"
#else
#define PRODUCTS "ldr r2, [sp, #32]\n"
#endif

#define TWO_OUTPUTS(a, b) MCU_DENSE_ADD(a, b, "r12", "lr", "r2", "r3")

/* Four inputs, STEP_BYTES of code without `first`, and `then` behind the first loads. */
#define STEP(first, then)                                                                          \
    first "ldr r2, [r1], #4\n ldr r12, [r0], #4\n ldr lr, [r0], #4\n" then                        \
    "sxtb16 r3, r2, ror #8\n sxtb16 r2, r2\n" TWO_OUTPUTS("r4", "r5")                              \
    "ldm r0!, {r12, lr}\n" TWO_OUTPUTS("r6", "r7")                                                 \
    "ldm r0!, {r12, lr}\n" TWO_OUTPUTS("r8", "r9")                                                 \
    "ldm r0!, {r12, lr}\n" TWO_OUTPUTS("r10", "r11")

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED,
                 int32_t products MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r2, r4-r11, lr}\n"
        MCU_STATE_ENTER
        "1:\n"
        "ldm r0!, {r4-r11}\n"
        MCU_GET("r1", INPUTS) MCU_GET("r3", WHOLE)
        "cmp r1, r3\n beq 2f\n"
        STEP("", "")
        MCU_GET("r1", WHOLE)
        "2:\n"
        MCU_GET("r2", SKIP)
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of step 0 */
        "3:\n"
        ".rept 7\n" STEP("", "") ".endr\n"
        STEP(MCU_GET("r3", INPUTS_END), "cmp r1, r3\n")
        "bne.w 3b\n"
        MCU_DENSE_FINISH("", PRODUCTS, "pop {r2, r4-r11, pc}\n"));
}

/* clang-format on */

#else

static void core(const int32_t *stream, const core_args *args, int32_t products) {
    mcu_dense_to to = args->to;
    do {
        int32_t sums[MCU_DENSE_OUTPUTS];
        (void)memcpy(sums, stream, sizeof sums);
        stream += MCU_DENSE_OUTPUTS;
        const int8_t *x = args->inputs;
        while (x != args->inputs_end) {
            mcu_dense_add(sums, stream, mcu_sxtb16(mcu_load4(x)), mcu_sxtb16_odd(mcu_load4(x)));
            stream += MCU_DENSE_OUTPUTS;
            x = (x < args->whole) ? args->whole : x + 4;
        }
        stream = mcu_dense_finish(stream, sums, products, to.end, to.to);
    } while (mcu_dense_next(&to, MCU_DENSE_OUTPUTS));
}

#endif

/* The sum of x * y of four inputs and those before. */
static inline int32_t add_products(int32_t sum, const int8_t *four) {
    return mcu_smlad(mcu_sxtb16(mcu_load4(four)), mcu_sxtb16_odd(mcu_load4(four)), sum);
}

void mcu_fully_connected_s8_dsp(const mcu_fully_connected_s8_dsp_params *params,
                                const int8_t *input, int8_t *output) {
    const mcu_fully_connected_s8_dsp_params *const p = params;
    const int32_t odd = p->in % 4;
    const int32_t steps = p->in / 4; /* of four inputs, without the odd ones */
    const int32_t rest = p->out % MCU_DENSE_OUTPUTS;
    MCU_ASSERT(p->in >= 4);

    for (int32_t row = 0; row < p->batch; row++, input += p->in, output += p->out) {
        int8_t spare[MCU_DENSE_OUTPUTS];
        const core_args args = {
            .to = mcu_dense_outputs(output, p->out, spare, mcu_dense_end(p->clamped, p->alike)),
            .inputs = input,
            .whole = input + odd,
            .inputs_end = input + p->in,
            .skip = STEP_BYTES * ((UNROLL - steps % UNROLL) % UNROLL),
        };
        int32_t products = (odd > 0) ? add_products(0, input) : 0;
        for (const int8_t *x = args.whole; x != args.inputs_end; x += 4) {
            products = add_products(products, x);
        }
        core(p->stream, &args, products);
        for (int32_t i = 0; i < rest; i++) {
            output[p->out - rest + i] = spare[i];
        }
    }
}
