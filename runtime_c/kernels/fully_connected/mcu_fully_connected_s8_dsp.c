/* mcu_fully_connected_s8_dsp.c: dense layer on int8, eight outputs in a pass.
 *
 * Two outputs A and B share a weight word: its lanes hold 256 * wA + wB for two inputs. SMLAD with
 * it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference is
 * 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias.
 *
 * Inputs are widened as they are read: SXTB16 makes the pairs (0, 2) and (1, 3) of four. Eight
 * outputs share that, so it needs no copy of the inputs. Four inputs take 39 cycles on a Cortex-M4
 * for 32 products, a pass about 80 more, or 120 where each output has its own requantization.
 * The stream holds, for each eight outputs A to H, in the order of reading:
 *     256 * bias_A + bias_B, bias_B, and so on for C D, E F, G H
 *     per four inputs: lanes of A B, C D, E F, G H for inputs 0 and 2, the same for 1 and 3
 *     multiplier, offset, shift of each output, or once where all outputs have the same
 * Where the inputs are no multiple of four, the odd ones are the first; zeros fill up their four.
 *
 * Registers: r0 stream, r1 inputs, r2 r3 pairs of inputs, r4-r11 sums, r12 lr weights.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s8_dsp.h"

#include <stddef.h>
#include <string.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"

enum { UNROLL = 8, STEP_BYTES = 128, OUTPUTS = 8, REQUANTIZATION = 3 };

/* The state of mcu_state.h. */
typedef struct {
    const int8_t *inputs;
    const int8_t *whole; /* the first of a multiple of four inputs */
    const int8_t *inputs_end;
    int32_t skip; /* bytes of unrolled code to skip in the first round */
    int8_t *output;
    int32_t groups; /* of eight outputs, 1 or more */
    int32_t clamped;
    int32_t uniform; /* one requantization for all outputs */
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define INPUTS "0"
#define WHOLE "1"
#define END "2"
#define SKIP "3"
#define OUTPUT "4"
#define GROUPS "5"
#define IS_CLAMPED "6"
#define IS_UNIFORM "7"

/* Two words of weights in r12 and lr, `x` a pair of inputs. */
#define FOUR_OUTPUTS(x, ab, b, cd, d)                                                              \
    "smlad " ab ", r12, " x ", " ab "\n smlad " cd ", lr, " x ", " cd "\n"                          \
    "sxtb16 r12, r12\n sxtb16 lr, lr\n"                                                            \
    "smlad " b ", r12, " x ", " b "\n smlad " d ", lr, " x ", " d "\n"
#define A_TO_D(x) FOUR_OUTPUTS(x, "r4", "r5", "r6", "r7")
#define E_TO_H(x) FOUR_OUTPUTS(x, "r8", "r9", "r10", "r11")

/* Four inputs, STEP_BYTES of code without `first`, and `then` behind the first loads. */
#define STEP(first, then)                                                                          \
    first "ldr r2, [r1], #4\n ldr r12, [r0], #4\n ldr lr, [r0], #4\n" then                        \
    "sxtb16 r3, r2\n" A_TO_D("r3")                                                                 \
    "ldm r0!, {r12, lr}\n" E_TO_H("r3")                                                            \
    "sxtb16 r2, r2, ror #8\n"                                                                      \
    "ldm r0!, {r12, lr}\n" A_TO_D("r2")                                                            \
    "ldm r0!, {r12, lr}\n" E_TO_H("r2")

/* One output from a sum scaled by 256: r1 multiplier, r2 offset, r3 shift. */
#define LOAD "ldm r0!, {r1, r2, r3}\n"
#define CLAMPED(sum) "smmla " sum ", " sum ", r1, r2\n"
#define GENERAL(sum)                                                                               \
    "asr " sum ", #7\n smmulr " sum ", " sum ", r1\n"                                              \
    "add " sum ", " sum ", " sum ", asr #31\n add " sum ", r2\n"
#define FINISH(sum, form, load)                                                                    \
    load form(sum) "asr " sum ", r3\n ssat " sum ", #8, " sum "\n strb " sum ", [lr], #1\n"
/* Eight outputs in two rounds; r12 counts the rounds that follow. */
#define EIGHT(form, load)                                                                          \
    "8:\n" FINISH("r4", form, load) FINISH("r5", form, load)                                       \
    FINISH("r6", form, load) FINISH("r7", form, load)                                              \
    "mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n"                                        \
    "subs r12, #1\n bpl 8b\n b.w 9f\n"
/* The same with one requantization for all. */
#define ALL(form)                                                                                  \
    FINISH("r4", form, "") FINISH("r5", form, "") FINISH("r6", form, "") FINISH("r7", form, "")    \
    FINISH("r8", form, "") FINISH("r9", form, "") FINISH("r10", form, "") FINISH("r11", form, "")

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
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
        STEP(MCU_GET("r3", END), "cmp r1, r3\n")
        "bne.w 3b\n"
        MCU_GET("lr", OUTPUT) MCU_GET("r2", IS_CLAMPED) MCU_GET("r3", IS_UNIFORM)
        "sub r4, r5\n sub r6, r7\n sub r8, r9\n sub r10, r11\n"
        "lsl r5, #8\n lsl r7, #8\n lsl r9, #8\n lsl r11, #8\n"
        "cmp r3, #0\n bne.w 5f\n mov r12, #1\n cmp r2, #0\n beq 4f\n"
        EIGHT(CLAMPED, LOAD)
        "4:\n" EIGHT(GENERAL, LOAD)
        "5:\n cmp r2, #0\n" LOAD "beq.w 6f\n"
        ALL(CLAMPED) "b.w 9f\n"
        "6:\n" ALL(GENERAL)
        "9:\n"
        MCU_GET("r2", GROUPS) MCU_PUT(OUTPUT, "lr")
        "subs r2, #1\n"
        MCU_PUT(GROUPS, "r2")
        "bne.w 1b\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

static int8_t requantize(int32_t times_256, const int32_t *constants, int32_t clamped) {
    if (clamped) {
        return mcu_ssat8((mcu_smmul(times_256, constants[0]) + constants[1]) >> constants[2]);
    }
    const int32_t scaled = mcu_smmulr(times_256 >> 7, constants[0]);
    return mcu_ssat8((scaled + (scaled >> 31) + constants[1]) >> constants[2]);
}

/* A pair of inputs times the weights of eight outputs. */
static void add_pair(int32_t *sums, const int32_t *weights, int32_t pair) {
    for (int32_t c = 0; c < OUTPUTS; c += 2) {
        const int32_t both = weights[c / 2];
        sums[c] = mcu_smlad(both, pair, sums[c]);
        sums[c + 1] = mcu_smlad(mcu_sxtb16(both), pair, sums[c + 1]);
    }
}

/* The same algorithm in C, for machines without these instructions. */
static void core(const int32_t *stream, const core_args *args) {
    int8_t *output = args->output;
    for (int32_t group = 0; group < args->groups; group++) {
        int32_t sums[OUTPUTS];
        (void)memcpy(sums, stream, sizeof sums);
        stream += OUTPUTS;
        const int8_t *x = args->inputs;
        while (x != args->inputs_end) {
            add_pair(sums, stream, mcu_sxtb16(mcu_load4(x)));
            add_pair(sums, stream + OUTPUTS / 2, mcu_sxtb16_odd(mcu_load4(x)));
            stream += OUTPUTS;
            x = (x < args->whole) ? args->whole : x + 4;
        }
        const int32_t step = args->uniform ? 0 : REQUANTIZATION;
        for (int32_t c = 0; c < OUTPUTS; c++, stream += step, output++) {
            const int32_t times_256 =
                (c % 2 == 0) ? mcu_sub_wrap(sums[c], sums[c + 1]) : mcu_shift_left(sums[c], 8);
            *output = requantize(times_256, stream, args->clamped);
        }
        stream += args->uniform ? REQUANTIZATION : 0;
    }
}

#endif

void mcu_fully_connected_s8_dsp(const mcu_fully_connected_s8_dsp_params *params,
                                const int8_t *input, int8_t *output) {
    const mcu_fully_connected_s8_dsp_params *const p = params;
    const int32_t odd = p->in % 4;
    const int32_t steps = p->in / 4; /* of four inputs, without the odd ones */
    const int32_t groups = p->out / OUTPUTS;
    const int32_t rest = p->out % OUTPUTS;
    const int32_t group_words =
        OUTPUTS * (1 + steps + (odd > 0 ? 1 : 0)) + (p->uniform ? 1 : OUTPUTS) * REQUANTIZATION;
    MCU_ASSERT(p->in >= 4);

    for (int32_t row = 0; row < p->batch; row++, input += p->in, output += p->out) {
        core_args args = {
            .inputs = input,
            .whole = input + odd,
            .inputs_end = input + p->in,
            .skip = STEP_BYTES * ((UNROLL - steps % UNROLL) % UNROLL),
            .output = output,
            .groups = groups,
            .clamped = p->clamped,
            .uniform = p->uniform,
        };
        if (groups > 0) {
            core(p->stream, &args);
        }
        if (rest > 0) {
            int8_t spare[OUTPUTS];
            args.output = spare;
            args.groups = 1;
            core(p->stream + groups * group_words, &args);
            (void)memcpy(output + groups * OUTPUTS, spare, (size_t)rest);
        }
    }
}
