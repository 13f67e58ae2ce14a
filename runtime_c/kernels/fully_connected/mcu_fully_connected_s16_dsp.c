/* mcu_fully_connected_s16_dsp.c: dense layer on int16 with int8 weights, four outputs in a pass.
 *
 * Two outputs A and B share a weight word, whose lanes hold 256 * a + b for two inputs, which lie
 * as a pair in a word already. SMLALD sums 256 * SA + SB in 64 bits, below 2^40. SXTB16 leaves b,
 * and SMLAD sums SB in 32 bits. The difference of the sums is 256 * SA. So a word takes a load and
 * three instructions for four products; four inputs take 19 cycles on a Cortex-M4 for 16 products,
 * a pass about 55 more.
 * SA and SB fit an int32, which is checked for the actual weights when the project is generated,
 * and are requantized by SMMLAR and SSAT #16, or USAT #15 behind a ReLU (round_once.py). A
 * multiplier of 2^31 or more is negative as an int32, 2^32 too small, so the sum itself is added.
 *
 * The stream holds, for each four outputs A to D:
 *     256 * bias_A + bias_B as 64 bits, low word first, bias_B; the same of C and D
 *     per four inputs: lanes of A B for inputs 0 and 1, of C D, then both for inputs 2 and 3
 *     four multipliers
 * Where inputs are no multiple of four, the last four lie over those before, with zeros as the
 * weights of inputs that were there.
 *
 * Registers: r0 stream, r1 inputs, r2 r3 pairs of inputs, r4 r5 r6 sums of A B and of B, r7 r8 r9
 * of C D and of D, r10-r12 lr weights.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s16_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"

enum { OUTPUTS = 4, UNROLL = 8, STEP_BYTES = 72 };

/* The state of mcu_state.h. */
typedef struct {
    int16_t *to;
    const int16_t *to_end;
    const int16_t *inputs;
    const int16_t *whole_end; /* of those in whole fours */
    const int16_t *last;      /* the last four, NULL if there are only whole ones */
    int32_t skip;             /* bytes of unrolled code to skip in the first round */
    int32_t relu;
    int32_t unused;
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define TO "0"
#define TO_END "1"
#define INPUTS "2"
#define WHOLE_END "3"
#define LAST "4"
#define SKIP "5"
#define RELU "6"

/* The word `w` of A and B, or C and D, times the inputs `x`. */
#define ADD(low, high, b, w, x)                                                                    \
    "smlald " low ", " high ", " w ", " x "\n sxtb16 " w ", " w "\n"                               \
    "smlad " b ", " w ", " x ", " b "\n"
/* Four inputs: STEP_BYTES of code. */
#define STEP                                                                                       \
    "ldr r2, [r1], #4\n ldr r3, [r1], #4\n"                                                        \
    "ldr r10, [r0], #4\n ldr r11, [r0], #4\n ldr r12, [r0], #4\n ldr lr, [r0], #4\n"               \
    ADD("r4", "r5", "r6", "r10", "r2") ADD("r7", "r8", "r9", "r11", "r2")                          \
    ADD("r4", "r5", "r6", "r12", "r3") ADD("r7", "r8", "r9", "lr", "r3")
/* SA to `low`: a quotient by 256 has SB / 256 too much, both rounded down. */
#define SPLIT(low, high, b)                                                                        \
    "lsr " low ", #8\n orr " low ", " low ", " high ", lsl #24\n"                                   \
    "sub " low ", " low ", " b ", asr #8\n"
#define TIMES(sum, multiplier)                                                                     \
    "and r12, " sum ", " multiplier ", asr #31\n smmlar " sum ", " sum ", " multiplier ", r12\n"

MCU_ASSEMBLY_FUNCTION
static const int32_t *core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        "1:\n"
        "ldm r0!, {r4-r9}\n"
        MCU_GET("r1", INPUTS) MCU_GET("r2", SKIP)
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of step 0 */
        "2:\n"
        ".rept 8\n" STEP ".endr\n"
        MCU_GET("r2", WHOLE_END)
        "cmp r1, r2\n bne.w 2b\n"
        MCU_GET("r1", LAST)
        "cbz r1, 3f\n"
        STEP
        "3:\n"
        SPLIT("r4", "r5", "r6") SPLIT("r7", "r8", "r9")
        MCU_GET("r1", TO) MCU_GET("r2", TO_END) MCU_GET("r3", RELU)
        "ldm r0!, {r5, r8, r10, r11}\n"
        TIMES("r4", "r5") TIMES("r6", "r8") TIMES("r7", "r10") TIMES("r9", "r11")
        "cbnz r3, 5f\n"
        "ssat r4, #16, r4\n ssat r6, #16, r6\n ssat r7, #16, r7\n ssat r9, #16, r9\n"
        "4:\n"
        "strh r4, [r1], #2\n strh r6, [r1], #2\n strh r7, [r1], #2\n strh r9, [r1], #2\n"
        MCU_PUT(TO, "r1")
        "cmp r1, r2\n bne.w 1b\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        "5:\n"
        "usat r4, #15, r4\n usat r6, #15, r6\n usat r7, #15, r7\n usat r9, #15, r9\n"
        "b 4b\n");
}

/* clang-format on */

#else

/* Sums of two outputs: 256 * SA + SB, and SB. */
typedef struct {
    int64_t both;
    int32_t b;
} pair_sums;

static void add(pair_sums *sums, int32_t w, int32_t x) {
    sums->both += mcu_smlad(w, x, 0);
    sums->b = mcu_smlad(mcu_sxtb16(w), x, sums->b);
}

static int16_t finish(int32_t sum, int32_t multiplier, int32_t relu) {
    const int32_t scaled = mcu_smmulr(sum, multiplier) + ((multiplier < 0) ? sum : 0);
    return (int16_t)mcu_clamp(scaled, (relu != 0) ? 0 : INT16_MIN, INT16_MAX);
}

static const int32_t *core(const int32_t *stream, const core_args *args) {
    for (int16_t *to = args->to; to != args->to_end; to += OUTPUTS) {
        pair_sums sums[2];
        for (int32_t k = 0; k < 2; k++, stream += 3) {
            sums[k].both = ((int64_t)stream[1] * ((int64_t)1 << 32)) + (uint32_t)stream[0];
            sums[k].b = stream[2];
        }
        const int16_t *x = args->inputs;
        while (x != NULL) {
            for (int32_t k = 0; k < 2; k++, x += 2, stream += 2) {
                add(&sums[0], stream[0], mcu_lanes(x[0], x[1]));
                add(&sums[1], stream[1], mcu_lanes(x[0], x[1]));
            }
            x = (x == args->whole_end) ? args->last : ((x < args->whole_end) ? x : NULL);
        }
        for (int32_t k = 0; k < 2; k++, stream += 2) {
            const int32_t a = (int32_t)((sums[k].both - sums[k].b) >> 8);
            to[2 * k] = finish(a, stream[0], args->relu);
            to[2 * k + 1] = finish(sums[k].b, stream[1], args->relu);
        }
    }
    return stream;
}

#endif

void mcu_fully_connected_s16_dsp(const mcu_fully_connected_s16_dsp_params *params,
                                 const int16_t *input, int16_t *output) {
    const mcu_fully_connected_s16_dsp_params *const p = params;
    const int32_t steps = p->in / 4; /* of whole fours */
    const int32_t whole = p->out / OUTPUTS * OUTPUTS;
    MCU_ASSERT(p->in >= 4);

    for (int32_t row = 0; row < p->batch; row++, input += p->in, output += p->out) {
        const int32_t *stream = p->stream;
        core_args args = {
            .to = output,
            .to_end = output + whole,
            .inputs = input,
            .whole_end = input + 4 * steps,
            .last = (p->in % 4 != 0) ? input + p->in - 4 : NULL,
            .skip = STEP_BYTES * ((UNROLL - steps % UNROLL) % UNROLL),
            .relu = p->relu,
        };
        if (whole > 0) {
            stream = core(stream, &args);
        }
        if (whole < p->out) {
            int16_t spare[OUTPUTS];
            args.to = spare;
            args.to_end = spare + OUTPUTS;
            (void)core(stream, &args);
            for (int32_t i = whole; i < p->out; i++) {
                output[i] = spare[i - whole];
            }
        }
    }
}
