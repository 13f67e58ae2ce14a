/* mcu_pointwise_dsp.h: 1x1 convolution with stride 1 on int8, four output channels of two pixels at
 * a time: what the kernels for any number and for 128 input channels have in common.
 *
 * The pixels are widened to int16 in scratch, as pairs of taps in one word, a word of each pixel in
 * turn. Of each four taps the pairs are (0, 2) and (1, 3). Behind them, where one or two taps are
 * left, the last two are a pair; where three are, the last four are two pairs. Weights of taps that
 * occur twice are 0 the second time.
 *
 * Two channels A and B share a weight word: its lanes hold 256 * wA + wB for two taps.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias.
 *
 * Requantization: SSAT(hi((256 * S + extra) * multiplier) >> 13), which is proved to give the
 * reference's value for all sums that each channel can reach. The extra of A is in its bias.
 *
 * The stream holds, for each four channels A B C D, in the order of reading:
 *     256 * bias_A + extra_A + bias_B, bias_B, 256 * bias_C + extra_C + bias_D, bias_D
 *     per pair of taps: lanes of A and B, lanes of C and D
 *     multiplier_A, multiplier_B, extra_B, multiplier_C, multiplier_D, extra_D
 * Where channels are no multiple of four, the last four come behind the whole groups: some of them
 * are computed twice.
 *
 * On a Cortex-M4 two taps of four channels and two pixels take 4 loads (5 cycles), 8 SMLAD and 2
 * SXTB16: 15 cycles for 16 products.
 * Registers: r0 stream, r1 window, r2 r3 weights, r4 lr pixels, r5-r12 the eight sums.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_POINTWISE_DSP_H
#define MCU_POINTWISE_DSP_H

#include <stdint.h>

#include "mcu_conv2d_1x1_s8_dsp.h"
#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MCU_P_UNROLL = 16,
    MCU_P_STEP_BYTES = 56,
    MCU_P_OUTPUTS = 4,
    MCU_P_CONSTANTS = 3, /* of two channels */
    MCU_P_SHIFT = 13
};

/// What is to do, besides the state.
typedef struct {
    int32_t back; ///< channels that the last group has in common with the one before it
    int32_t in_ch;
    int32_t out_ch;
    const int32_t *stream;
    int8_t *output_end;
    int8_t *output;
    const int32_t *end;   ///< where all groups end
    const int32_t *whole; ///< where the whole groups end
} mcu_pointwise_task;

/// The state of mcu_state.h.
typedef struct {
    int32_t *window;
    const int32_t *window_end;
    int32_t skip; ///< bytes of unrolled code to skip in the first round
    int8_t *output;
    int8_t *output2;
    const int32_t *last; ///< where groups end for now
    const mcu_pointwise_task *task;
    const int8_t *input; ///< of the next two pixels
} mcu_pointwise_state;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MCU_P_WINDOW "0"
#define MCU_P_END "1"
#define MCU_P_SKIP "2"
#define MCU_P_OUTPUT "3"
#define MCU_P_OUTPUT2 "4"
#define MCU_P_LAST "5"
#define MCU_P_TASK "6"
#define MCU_P_INPUT "7"

/* Four taps of each pixel to the window. */
#define MCU_P_FOUR                                                                                 \
    "ldr r2, [r1], #4\n ldr r3, [r8], #4\n"                                                        \
    "sxtb16 r5, r2\n str r5, [r0], #4\n sxtb16 r7, r3\n str r7, [r0], #4\n"                        \
    "sxtb16 r2, r2, ror #8\n str r2, [r0], #4\n sxtb16 r3, r3, ror #8\n str r3, [r0], #4\n"
/* Eight: 21 cycles. */
#define MCU_P_EIGHT                                                                                \
    "ldr r2, [r1], #4\n ldr r3, [r1], #4\n ldr r5, [r8], #4\n ldr r7, [r8], #4\n"                 \
    "sxtb16 r9, r2\n str r9, [r0], #4\n sxtb16 r9, r5\n str r9, [r0], #4\n"                        \
    "sxtb16 r2, r2, ror #8\n str r2, [r0], #4\n sxtb16 r5, r5, ror #8\n str r5, [r0], #4\n"        \
    "sxtb16 r9, r3\n str r9, [r0], #4\n sxtb16 r9, r7\n str r9, [r0], #4\n"                        \
    "sxtb16 r3, r3, ror #8\n str r3, [r0], #4\n sxtb16 r7, r7, ror #8\n str r7, [r0], #4\n"
/* Two, which are read as one. */
#define MCU_P_TWO                                                                                  \
    "ldrsh r2, [r1]\n ldrsh r3, [r8], #2\n"                                                            \
    "sxtb r5, r2\n asr r2, #8\n pkhbt r2, r5, r2, lsl #16\n str r2, [r0], #4\n"                    \
    "sxtb r7, r3\n asr r3, #8\n pkhbt r3, r7, r3, lsl #16\n str r3, [r0], #4\n"

/* Two taps; x, x2 are addresses. The second pixel's sums go on from a, b, c, d. */
#define MCU_P_PRODUCTS(x, x2, a, b, c, d)                                                          \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, " x "\n ldr lr, " x2 "\n"                       \
    "smlad r6, r2, lr, " a "\n smlad r5, r2, r4, r5\n"                                            \
    "smlad r10, r3, lr, " c "\n smlad r9, r3, r4, r9\n"                                           \
    "sxtb16 r2, r2\n sxtb16 r3, r3\n"                                                             \
    "smlad r8, r2, lr, " b "\n smlad r7, r2, r4, r7\n"                                            \
    "smlad r12, r3, lr, " d "\n smlad r11, r3, r4, r11\n"
#define MCU_P_FIRST(x, x2) MCU_P_PRODUCTS(x, x2, "r5", "r7", "r9", "r11")
#define MCU_P_NEXT(x, x2) MCU_P_PRODUCTS(x, x2, "r6", "r8", "r10", "r12")

/* Any number of channels, 4 or more. */
#define MCU_P_FILL_ANY                                                                             \
    "subs r4, #8\n blt 3f\n"                                                                       \
    "2:\n" MCU_P_EIGHT "subs r4, #8\n bge 2b\n"                                                    \
    "3:\n lsls r2, r4, #30\n bcc 4f\n" MCU_P_FOUR /* what is left, modulo 8: bit 2 to C */        \
    "4:\n beq 6f\n"                               /* bits 1 and 0 to Z */                          \
    "and r4, #3\n and r2, r4, #1\n sub r1, r2\n sub r8, r2\n"                                      \
    "cmp r4, #3\n beq 5f\n" MCU_P_TWO "b 6f\n"                                                     \
    "5:\n" MCU_P_FOUR                                                                              \
    "6:\n"
#define MCU_P_SUMS_ANY                                                                             \
    MCU_GET("r1", MCU_P_WINDOW)                                                                    \
    MCU_P_FIRST("[r1], #4", "[r1], #4")                                                            \
    MCU_GET("r2", MCU_P_SKIP)                                                                      \
    ".balign 4\n add pc, r2\n nop\n" /* pc is the address of step 0 */                             \
    "2:\n .rept 16\n" MCU_P_NEXT("[r1], #4", "[r1], #4") ".endr\n"                                 \
    MCU_GET("r2", MCU_P_END) "cmp r1, r2\n blo.w 2b\n"

/* Sixteen taps: 41 cycles. The words of the second pixel are those from r7 on. */
#define MCU_P_WIDEN(x, x2)                                                                         \
    "sxtb16 lr, " x "\n str lr, [r0], #4\n sxtb16 lr, " x2 "\n str lr, [r0], #4\n"                 \
    "sxtb16 " x ", " x ", ror #8\n str " x ", [r0], #4\n"                                         \
    "sxtb16 " x2 ", " x2 ", ror #8\n str " x2 ", [r0], #4\n"
#define MCU_P_SIXTEEN                                                                              \
    "ldr r2, [r1], #4\n ldr r3, [r1], #4\n ldr r4, [r1], #4\n ldr r5, [r1], #4\n"                  \
    "ldr r7, [r8], #4\n ldr r9, [r8], #4\n ldr r10, [r8], #4\n ldr r11, [r8], #4\n"               \
    MCU_P_WIDEN("r2", "r7") MCU_P_WIDEN("r3", "r9")                                                \
    MCU_P_WIDEN("r4", "r10") MCU_P_WIDEN("r5", "r11")

/* A number of channels in a string, a multiple of 16; r1 stays the window. */
#define MCU_P_FILL(taps)                                                                           \
    ".rept " taps " / 16\n" MCU_P_SIXTEEN ".endr\n"                                                \
    MCU_GET("r1", MCU_P_WINDOW)
#define MCU_P_SUMS(taps)                                                                           \
    MCU_P_FIRST("[r1]", "[r1, #4]")                                                                \
    ".set .Lat, 8\n .rept " taps " / 2 - 1\n"                                                      \
    MCU_P_NEXT("[r1, #.Lat]", "[r1, #.Lat + 4]")                                                   \
    ".set .Lat, .Lat + 8\n .endr\n"

/* Channels A and B of two pixels: p, q and r, s. */
#define MCU_P_A(p, q, r, s, m)                                                                     \
    "sub " p ", " r "\n sub " q ", " s "\n" MCU_P_SCALE(p, q, m)
#define MCU_P_B(r, s, m, extra)                                                                    \
    "add " r ", " extra ", " r ", lsl #8\n add " s ", " extra ", " s ", lsl #8\n"                  \
    MCU_P_SCALE(r, s, m)
#define MCU_P_SCALE(p, q, m)                                                                       \
    "smmul " p ", " p ", " m "\n smmul " q ", " q ", " m "\n"                                      \
    "ssat " p ", #8, " p ", asr #13\n ssat " q ", #8, " q ", asr #13\n"
#define MCU_P_FINISH                                                                               \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n ldr lr, [r0], #4\n"                 \
    MCU_P_A("r5", "r6", "r7", "r8", "r2") MCU_P_B("r7", "r8", "r3", "r4")                          \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                                        \
    MCU_P_A("r9", "r10", "r11", "r12", "lr") MCU_P_B("r11", "r12", "r2", "r3")

/* All pixels. `fill` takes r4 channels from r1 and r8 to the window in r0; it leaves r6 alone, and
 * r8 behind the channels. */
#define MCU_P_CORE(name, fill, sums)                                                               \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const mcu_pointwise_task *task MCU_UNUSED,                                    \
                     mcu_pointwise_state *state MCU_UNUSED) {                                      \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n"                                                                  \
            "mov r12, r0\n"                                                                        \
            MCU_STATE_ENTER                                                                        \
            "ldm r12, {r1, r4-r7}\n ldr r3, [r12, #20]\n"                                          \
            "1:\n" /* r3 output, r4 in_ch, r5 out_ch, r6 stream, r7 output_end */                  \
            MCU_GET("r1", MCU_P_INPUT)                                                             \
            "add r9, r3, r5\n add r8, r1, r4\n"                                                    \
            "cmp r9, r7\n itt eq\n moveq r8, r1\n moveq r9, r3\n" /* one is its own partner */     \
            MCU_PUT(MCU_P_OUTPUT, "r3") MCU_PUT(MCU_P_OUTPUT2, "r9")                               \
            MCU_GET("r0", MCU_P_WINDOW)                                                            \
            fill                                                                                   \
            MCU_PUT(MCU_P_INPUT, "r8")                                                             \
            "mov r0, r6\n"                                                                         \
            ".balign 4\n"                                                                          \
            "7:\n"                                                                                 \
            "ldr r5, [r0], #4\n ldr r7, [r0], #4\n ldr r9, [r0], #4\n ldr r11, [r0], #4\n"        \
            sums                                                                                   \
            MCU_P_FINISH                                                                           \
            MCU_GET("r2", MCU_P_OUTPUT) MCU_GET("r3", MCU_P_OUTPUT2) MCU_GET("r4", MCU_P_LAST)     \
            "strb r5, [r2], #1\n strb r7, [r2], #1\n strb r9, [r2], #1\n strb r11, [r2], #1\n"     \
            "strb r6, [r3], #1\n strb r8, [r3], #1\n strb r10, [r3], #1\n strb r12, [r3], #1\n"    \
            MCU_PUT(MCU_P_OUTPUT, "r2") MCU_PUT(MCU_P_OUTPUT2, "r3")                               \
            "cmp r0, r4\n bne.w 7b\n"                                                              \
            MCU_GET("r12", MCU_P_TASK)                                                             \
            "ldm r12, {r1, r4-r7}\n" /* back, ... as above */                                      \
            "cbnz r1, 9f\n"                                                                        \
            "8:\n cmp r3, r7\n bne.w 1b\n"                                                         \
            MCU_STATE_LEAVE                                                                        \
            "pop {r4-r11, pc}\n"                                                                   \
            "9:\n ldr r8, [r12, #24]\n cmp r0, r8\n beq 10f\n" /* that was the last group */       \
            "sub r2, r1\n sub r3, r1\n"                                                            \
            MCU_GET("r1", MCU_P_WINDOW)                                                            \
            MCU_PUT(MCU_P_OUTPUT, "r2") MCU_PUT(MCU_P_OUTPUT2, "r3") MCU_PUT(MCU_P_LAST, "r8")     \
            "b.w 7b\n"                                                                             \
            "10:\n ldr r8, [r12, #28]\n"                                                           \
            MCU_PUT(MCU_P_LAST, "r8")                                                              \
            "b 8b\n");                                                                             \
    }

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */

/* Four taps of each pixel to the window. */
static inline int32_t *mcu_p_four(int32_t *window, const int8_t *from, const int8_t *from2) {
    const int32_t four = mcu_load4(from);
    const int32_t four2 = mcu_load4(from2);
    window[0] = mcu_sxtb16(four);
    window[1] = mcu_sxtb16(four2);
    window[2] = mcu_sxtb16_odd(four);
    window[3] = mcu_sxtb16_odd(four2);
    return window + 4;
}

static inline void mcu_p_fill(int32_t *window, const int8_t *from, const int8_t *from2,
                              int32_t count) {
    int32_t i = 0;
    for (; i + 4 <= count; i += 4) {
        window = mcu_p_four(window, from + i, from2 + i);
    }
    if (count - i == 3) {
        (void)mcu_p_four(window, from + count - 4, from2 + count - 4);
    } else if (i < count) {
        window[0] = mcu_lanes(from[count - 2], from[count - 1]);
        window[1] = mcu_lanes(from2[count - 2], from2[count - 1]);
    }
}

/* A group of channels of two pixels; returns the next group's stream. */
static inline const int32_t *mcu_p_group(const int32_t *stream, const mcu_pointwise_state *state,
                                         int8_t *output, int8_t *output2) {
    int32_t sums[MCU_P_OUTPUTS][2]; /* channel, pixel */
    for (int32_t c = 0; c < MCU_P_OUTPUTS; c++, stream++) {
        sums[c][0] = sums[c][1] = *stream;
    }
    for (const int32_t *x = state->window; x != state->window_end; x += 2, stream += 2) {
        for (int32_t pair = 0; pair < 2; pair++) {
            const int32_t low = mcu_sxtb16(stream[pair]);
            for (int32_t p = 0; p < 2; p++) {
                sums[2 * pair][p] = mcu_smlad(stream[pair], x[p], sums[2 * pair][p]);
                sums[2 * pair + 1][p] = mcu_smlad(low, x[p], sums[2 * pair + 1][p]);
            }
        }
    }
    for (int32_t c = 0; c < MCU_P_OUTPUTS; c += 2, stream += MCU_P_CONSTANTS) {
        for (int32_t p = 0; p < 2; p++) {
            const int32_t a = mcu_sub_wrap(sums[c][p], sums[c + 1][p]);
            const int32_t b = mcu_shift_left(sums[c + 1][p], 8) + stream[2];
            int8_t *const to = (p == 0) ? output : output2;
            to[c] = mcu_ssat8(mcu_smmul(a, stream[0]) >> MCU_P_SHIFT);
            to[c + 1] = mcu_ssat8(mcu_smmul(b, stream[1]) >> MCU_P_SHIFT);
        }
    }
    return stream;
}

static inline void mcu_p_core(const mcu_pointwise_task *task, mcu_pointwise_state *state) {
    const int8_t *input = state->input;
    int8_t *output = task->output;
    while (output != task->output_end) {
        const int paired = output + task->out_ch != task->output_end;
        const int32_t *stream = task->stream;
        int8_t *output2 = output + (paired ? task->out_ch : 0);
        const int8_t *const input2 = input + (paired ? task->in_ch : 0);
        mcu_p_fill(state->window, input, input2, task->in_ch);
        input = input2 + task->in_ch;
        for (; stream != task->whole; output += MCU_P_OUTPUTS, output2 += MCU_P_OUTPUTS) {
            stream = mcu_p_group(stream, state, output, output2);
        }
        if (task->back > 0) {
            output2 += MCU_P_OUTPUTS - task->back;
            (void)mcu_p_group(stream, state, output - task->back, output2 - MCU_P_OUTPUTS);
        }
        output = output2;
    }
}

#define MCU_P_CORE(name, fill, sums)                                                               \
    static void name(const mcu_pointwise_task *task, mcu_pointwise_state *state) {                 \
        mcu_p_core(task, state);                                                                   \
    }

#endif

/// The kernel, given its core.
static inline void mcu_pointwise(const mcu_conv2d_1x1_s8_dsp_params *p, const int8_t *input,
                                 int8_t *output, int32_t *window,
                                 void (*core)(const mcu_pointwise_task *, mcu_pointwise_state *)) {
    const int32_t rest = p->out_ch % MCU_P_OUTPUTS;
    const int32_t steps = 2 * (p->in_ch / 4) + (p->in_ch % 4 + 1) / 2;     /* of two taps */
    const int32_t words = MCU_P_OUTPUTS + 2 * steps + 2 * MCU_P_CONSTANTS; /* of a group */
    const int32_t *const whole = p->stream + p->out_ch / MCU_P_OUTPUTS * words;
    const mcu_pointwise_task task = {
        .back = (rest > 0) ? MCU_P_OUTPUTS - rest : 0,
        .in_ch = p->in_ch,
        .out_ch = p->out_ch,
        .stream = p->stream,
        .output_end = output + p->pixels * p->out_ch,
        .output = output,
        .end = whole + ((rest > 0) ? words : 0),
        .whole = whole,
    };
    mcu_pointwise_state state = {
        .window = window,
        .window_end = window + 2 * steps,
        .skip = MCU_P_STEP_BYTES * (MCU_P_UNROLL - ((steps - 2) % MCU_P_UNROLL + 1)),
        .last = whole,
        .task = &task,
        .input = input,
    };
    MCU_ASSERT(p->in_ch >= 4 && p->out_ch >= MCU_P_OUTPUTS);
    core(&task, &state);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_POINTWISE_DSP_H */
