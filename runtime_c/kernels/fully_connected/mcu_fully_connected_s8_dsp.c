/* mcu_fully_connected_s8_dsp.c: dense layer on int8, four outputs at a time.
 *
 * Two outputs A and B share a weight word: its lanes hold 256 * wA + wB for two inputs. SMLAD with
 * it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference is
 * 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias.
 *
 * Per four inputs: 6 loads (7 cycles on a Cortex-M4), 8 SMLAD, 4 SXTB16: 19 cycles for 16 products.
 * The stream holds, for each four outputs A B C D, in the order of reading:
 *     256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
 *     per two inputs: lanes of A and B, lanes of C and D
 *     per output: multiplier, offset, shift
 *
 * Registers: r0 stream, r1 inputs, r2-r5 weights, r6 r7 inputs, r8-r11 sums, r12 end of the inputs.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s8_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"

enum { UNROLL = 8, STEP_BYTES = 72, OUTPUTS = 4 };

typedef struct {
    const int32_t *inputs; /* as int16: of each four, 0 and 2, then 1 and 3 */
    const int32_t *inputs_end;
    int32_t skip; /* bytes of unrolled code to skip in the first round */
    int8_t *output;
    int32_t groups; /* of four outputs, 1 or more */
    int32_t clamped;
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* One output from a sum scaled by 256: r2 multiplier, r3 offset, r4 shift. */
#define CLAMPED(sum)                                                                               \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"                                     \
    "smmla " sum ", " sum ", r2, r3\n"                                                             \
    "asr " sum ", r4\n ssat " sum ", #8, " sum "\n strb " sum ", [lr], #1\n"
#define GENERAL(sum)                                                                               \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"                                     \
    "asr " sum ", #7\n smmulr " sum ", " sum ", r2\n"                                              \
    "add " sum ", " sum ", " sum ", asr #31\n add " sum ", r3\n"                                   \
    "asr " sum ", r4\n ssat " sum ", #8, " sum "\n strb " sum ", [lr], #1\n"

#define NEXT                                                                                       \
    "ldr r2, [sp, #16]\n str lr, [sp, #12]\n"                                                      \
    "subs r2, #1\n str r2, [sp, #16]\n bne.w 1b\n"                                                \
    "add sp, #24\n pop {r4-r11, pc}\n"

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldm r1, {r2-r7}\n"
        "push {r2-r7}\n" /* sp: inputs, inputs_end, skip, output, groups, clamped */
        "1:\n"
        "ldr r8, [r0], #4\n ldr r9, [r0], #4\n ldr r10, [r0], #4\n ldr r11, [r0], #4\n"
        "ldr r1, [sp, #0]\n ldr r12, [sp, #4]\n ldr r2, [sp, #8]\n"
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of step 0 */
        "2:\n"
        ".rept 8\n"
        "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n ldr r5, [r0], #4\n"
        "ldr r6, [r1], #4\n ldr r7, [r1], #4\n"
        "smlad r8, r2, r6, r8\n smlad r10, r3, r6, r10\n sxtb16 r2, r2\n sxtb16 r3, r3\n"
        "smlad r8, r4, r7, r8\n smlad r10, r5, r7, r10\n sxtb16 r4, r4\n sxtb16 r5, r5\n"
        "smlad r9, r2, r6, r9\n smlad r11, r3, r6, r11\n"
        "smlad r9, r4, r7, r9\n smlad r11, r5, r7, r11\n"
        ".endr\n"
        "cmp r1, r12\n bne.w 2b\n"
        "ldr lr, [sp, #12]\n ldr r2, [sp, #20]\n"
        "sub r8, r9\n sub r10, r11\n lsl r9, #8\n lsl r11, #8\n"
        "cmp r2, #0\n beq 3f\n"
        CLAMPED("r8") CLAMPED("r9") CLAMPED("r10") CLAMPED("r11")
        NEXT
        "3:\n"
        GENERAL("r8") GENERAL("r9") GENERAL("r10") GENERAL("r11")
        NEXT);
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

/* The same algorithm in C, for machines without these instructions. */
static void core(const int32_t *stream, const core_args *args) {
    int8_t *output = args->output;
    for (int32_t group = 0; group < args->groups; group++) {
        int32_t sums[4] = {stream[0], stream[1], stream[2], stream[3]};
        stream += 4;
        for (const int32_t *x = args->inputs; x != args->inputs_end; x++, stream += 2) {
            sums[0] = mcu_smlad(stream[0], *x, sums[0]);
            sums[1] = mcu_smlad(mcu_sxtb16(stream[0]), *x, sums[1]);
            sums[2] = mcu_smlad(stream[1], *x, sums[2]);
            sums[3] = mcu_smlad(mcu_sxtb16(stream[1]), *x, sums[3]);
        }
        for (int32_t c = 0; c < 4; c++, stream += 3, output++) {
            const int32_t times_256 =
                (c % 2 == 0) ? mcu_sub_wrap(sums[c], sums[c + 1]) : mcu_shift_left(sums[c], 8);
            *output = requantize(times_256, stream, args->clamped);
        }
    }
}

#endif

/* int16 lanes of each four inputs: 0 and 2, then 1 and 3; zeros behind the last. */
static const int32_t *widen(int32_t *to, const int8_t *from, int32_t count) {
    for (; count >= 4; count -= 4, from += 4, to += 2) {
        const int32_t bytes = mcu_load4(from);
        to[0] = mcu_sxtb16(bytes);
        to[1] = mcu_sxtb16_odd(bytes);
    }
    if (count > 0) {
        int8_t last[4] = {0, 0, 0, 0};
        (void)memcpy(last, from, (size_t)count);
        to[0] = mcu_lanes(last[0], last[2]);
        to[1] = mcu_lanes(last[1], last[3]);
        to += 2;
    }
    return to;
}

void mcu_fully_connected_s8_dsp(const mcu_fully_connected_s8_dsp_params *params,
                                const int8_t *input, int8_t *output, void *scratch) {
    const mcu_fully_connected_s8_dsp_params *const p = params;
    const int32_t steps = (p->in + 3) / 4; /* of four inputs */
    const int32_t groups = p->out / OUTPUTS;
    const int32_t rest = p->out % OUTPUTS;
    const int32_t group_words = 4 + 4 * steps + 12;
    MCU_ASSERT(p->in >= 1);

    for (int32_t row = 0; row < p->batch; row++, input += p->in, output += p->out) {
        core_args args = {
            .inputs = scratch,
            .inputs_end = widen(scratch, input, p->in),
            .skip = STEP_BYTES * ((UNROLL - steps % UNROLL) % UNROLL),
            .output = output,
            .groups = groups,
            .clamped = p->clamped,
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
