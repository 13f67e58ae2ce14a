/* mcu_pointwise_stack_dsp.h: 1x1 convolution with stride 1 on int8, two output channels of four
 * pixels at a time: what the kernels for up to 64 input channels have in common.
 *
 * Four pixels are widened to int16 on the stack, as pairs of taps in one word, a word of each pixel
 * in turn. Of each four taps the pairs are (0, 2) and (1, 3). Behind them, where one or two taps
 * are left, the last two are a pair; where three are, the last four are two pairs. Weights of taps
 * that occur twice are 0 the second time. Up to three pixels are left in the end, and computed one
 * by one.
 *
 * mcu_four_pixels_dsp.h says the rest: 15 cycles for 16 products, 48 for each two channels of four
 * pixels; to these come 44 for each eight taps of the pixels, and about 25. In the stream the words
 * of the weights begin with the last one. Where channels are odd, the last two come behind the
 * pairs: one of them is computed twice.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_POINTWISE_STACK_DSP_H
#define MCU_POINTWISE_STACK_DSP_H

#include <stdint.h>

#include "mcu_conv2d_1x1_s8_dsp.h"
#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_four_pixels_dsp.h"
#include "mcu_port.h"
#include "mcu_state.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_PS_MOST = 64 /* taps */ };

/// The words of the weights of two channels, or of a pixel.
static inline int32_t mcu_ps_words(int32_t taps) { return 2 * (taps / 4) + (taps % 4 + 1) / 2; }

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* The state of mcu_state.h goes on with these. */
#define MCU_PS_INPUT "4"
#define MCU_PS_STEPS "5" /* that are left */
#define MCU_PS_TAIL "6"  /* where the stream ends, if channels are odd, or 0 */

/* ---- filling the window: r0 from, r1 to, r9 taps, r10 three times that */

#define MCU_PS_LOAD(load, p, q, r, s, next)                                                        \
    load " " q ", [r0, r9]\n " load " " r ", [r0, r9, lsl #1]\n " load " " s ", [r0, r10]\n "      \
    load " " p ", [r0], #" next "\n"
#define MCU_PS_WIDEN(x, at)                                                                        \
    "sxtb16 r12, " x "\n str r12, [r1, #" at "]\n"                                                 \
    "sxtb16 " x ", " x ", ror #8\n str " x ", [r1, #" at " + 16]\n"
#define MCU_PS_WIDEN_FOUR(p, q, r, s, at)                                                          \
    MCU_PS_WIDEN(p, at) MCU_PS_WIDEN(q, at " + 4") MCU_PS_WIDEN(r, at " + 8")                      \
    MCU_PS_WIDEN(s, at " + 12")
#define MCU_PS_FOUR                                                                                \
    MCU_PS_LOAD("ldr", "r4", "r5", "r6", "r7", "4")                                                \
    MCU_PS_WIDEN_FOUR("r4", "r5", "r6", "r7", "0")

/* A number of taps in a string, a multiple of 8: 44 cycles for 8. */
#define MCU_PS_FILL(taps)                                                                          \
    "mov r9, #" taps "\n mov r10, #3 * " taps "\n mov r11, #" taps " / 8\n"                        \
    "add r1, sp, #" MCU_FOUR_PLACE "\n"                                                            \
    ".balign 4\n"                                                                                  \
    "2:\n"                                                                                         \
    MCU_PS_LOAD("ldr", "r4", "r5", "r6", "r7", "4") MCU_PS_LOAD("ldr", "r2", "r3", "r8", "lr", "4") \
    MCU_PS_WIDEN_FOUR("r4", "r5", "r6", "r7", "0") MCU_PS_WIDEN_FOUR("r2", "r3", "r8", "lr", "32") \
    ".if " taps " > 8\n add r1, #64\n subs r11, #1\n bne.w 2b\n .endif\n"

/* Two, which are read as one. */
#define MCU_PS_BOTH(x, at)                                                                         \
    "sxtb r12, " x "\n asr " x ", #8\n pkhbt r12, r12, " x ", lsl #16\n str r12, [r1, #" at "]\n"
#define MCU_PS_TWO                                                                                 \
    MCU_PS_LOAD("ldrsh", "r4", "r5", "r6", "r7", "2")                                              \
    MCU_PS_BOTH("r4", "0") MCU_PS_BOTH("r5", "4") MCU_PS_BOTH("r6", "8") MCU_PS_BOTH("r7", "12")

/* Any number of taps, r9: 24 cycles for 4. */
#define MCU_PS_FILL_ANY                                                                            \
    "add r10, r9, r9, lsl #1\n subs r11, r9, #4\n"                                                \
    ".balign 4\n"                                                                                  \
    "2:\n" MCU_PS_FOUR "add r1, #32\n subs r11, #4\n bge 2b\n"                                    \
    "adds r11, #4\n beq 9f\n"                                                                     \
    "and r2, r11, #1\n sub r0, r2\n"                                                              \
    "cmp r11, #3\n beq 8f\n" MCU_PS_TWO "b 9f\n"                                                  \
    "8:\n" MCU_PS_FOUR                                                                             \
    "9:\n"

/* ---- sums of four pixels */

#define MCU_PS_LOADS(at)                                                                           \
    MCU_FOUR_W MCU_FOUR_X("r1", at) MCU_FOUR_X("r2", at " + 4") MCU_FOUR_X("r3", at " + 8")        \
    MCU_FOUR_X("r4", at " + 12")
#define MCU_PS_FIRST(last) MCU_PS_LOADS(last) MCU_FOUR_BEGIN("r1", "r2", "r3", "r4")
#define MCU_PS_NEXT(words)                                                                         \
    ".set .Lat, 0\n .rept " words "\n" MCU_PS_LOADS(".Lat") MCU_FOUR_GO_ON("r1", "r2", "r3", "r4") \
    ".set .Lat, .Lat + 16\n .endr\n"
#define MCU_PS_SUMS(taps) MCU_PS_FIRST("8 * " taps " - 16") MCU_PS_NEXT(taps " / 2 - 1")

/* ---- the cores */

/* Behind the window of `most` taps of four pixels: bytes of two channels in the stream, and taps
 * for a core that serves any number of them. */
#define MCU_PS_PAIR(most) "[sp, #" MCU_FOUR_PLACE " + 8 * " most "]"
#define MCU_PS_TAPS(most) "[sp, #" MCU_FOUR_PLACE " + 8 * " most " + 2]"
#define MCU_PS_FRAME(most) MCU_FOUR_PLACE " + 8 * " most " + 4"

/* All steps of four pixels. `enter` may read r3, the words of two channels, and
 * r5, the taps of a pixel, and change r9 to r12; `fill`
 * leaves r0 behind the first pixel and r10 the bytes of three. */
#define MCU_PS_CORE(name, most, enter, fill, sums)                                                 \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const mcu_conv2d_1x1_s8_dsp_params *params MCU_UNUSED,                        \
                     const int8_t *input MCU_UNUSED, int8_t *output MCU_UNUSED,                    \
                     int32_t words MCU_UNUSED) {                                                   \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n sub sp, #" MCU_PS_FRAME(most) "\n"                                \
            "ldm r0, {r4-r7}\n" /* pixels, taps, channels, stream */                               \
            MCU_PUT(MCU_PS_INPUT, "r1") MCU_PUT(MCU_FOUR_OUTPUT, "r2")                             \
            MCU_PUT(MCU_FOUR_PITCH, "r6") MCU_PUT(MCU_FOUR_STREAM, "r7")                           \
            enter                                                                                  \
            "lsls r3, #2\n add r3, #20\n"                                                          \
            "strh r3, " MCU_PS_PAIR(most) "\n"                                                      \
            "lsrs r2, r6, #1\n mla r7, r2, r3, r7\n"                                               \
            MCU_PUT(MCU_FOUR_END, "r7")                                                            \
            "ite cs\n addcs r3, r7\n movcc r3, #0\n"                                               \
            MCU_PUT(MCU_PS_TAIL, "r3")                                                             \
            "lsrs r4, #2\n beq.w 5f\n"                                                             \
            MCU_PUT(MCU_PS_STEPS, "r4")                                                            \
            "1:\n"                                                                                 \
            MCU_GET("r0", MCU_PS_INPUT)                                                            \
            fill                                                                                   \
            "add r0, r10\n"                                                                        \
            MCU_PUT(MCU_PS_INPUT, "r0")                                                            \
            MCU_FOUR_CHANNELS(sums)                                                                \
            MCU_GET("r4", MCU_PS_TAIL)                                                             \
            "cbnz r4, 6f\n"                                                                        \
            "4:\n"                                                                                 \
            MCU_GET("r2", MCU_FOUR_PITCH) MCU_GET("r3", MCU_PS_STEPS)                              \
            "add r2, r2, r2, lsl #1\n add r1, r2\n subs r3, #1\n"                                  \
            MCU_PUT(MCU_FOUR_OUTPUT, "r1") MCU_PUT(MCU_PS_STEPS, "r3")                             \
            "bne.w 1b\n"                                                                           \
            "5:\n"                                                                                 \
            "add sp, #" MCU_PS_FRAME(most) "\n pop {r4-r11, pc}\n"                                 \
            "6:\n cmp r0, r4\n beq 7f\n" /* were these the last two channels? */                   \
            "sub r1, #1\n"                                                                         \
            MCU_PUT(MCU_FOUR_OUTPUT, "r1") MCU_PUT(MCU_FOUR_END, "r4")                             \
            "b.w 3b\n"                                                                             \
            "7:\n ldrh r2, " MCU_PS_PAIR(most) "\n sub r4, r2\n"                                    \
            MCU_PUT(MCU_FOUR_END, "r4")                                                            \
            "b 4b\n");                                                                             \
    }

/* A word of the weights, that of the pixel: sums r5 of A, r9 of B. */
#define MCU_PS_ADD(w, x)                                                                           \
    "smlad r5, " w ", " x ", r5\n sxtb16 " w ", " w "\n smlad r9, " w ", " x ", r9\n"

/* Pairs of channels of one pixel: 25 cycles for four words, which are 16 products. */
MCU_ASSEMBLY_FUNCTION
static void mcu_ps_one(const int32_t *stream MCU_UNUSED, const int32_t *end MCU_UNUSED,
                       const int32_t *window MCU_UNUSED, int32_t words MCU_UNUSED,
                       int8_t *output MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n ldr r12, [sp, #36]\n push {r1-r3}\n"
        "1:\n"
        "ldr r5, [r0], #4\n ldr r9, [r0], #4\n ldr r3, [sp, #4]\n ldr r11, [sp, #8]\n"
        "2:\n"
        "tst r11, #3\n beq 3f\n"
        "ldr r6, [r0], #4\n ldr r1, [r3], #4\n"
        MCU_PS_ADD("r6", "r1")
        "subs r11, #1\n b 2b\n"
        "3:\n"
        "cmp r11, #0\n beq 5f\n"
        ".balign 4\n"
        "4:\n"
        "ldm r0!, {r6, r7, r8, r10}\n ldm r3!, {r1, r2, r4, lr}\n"
        MCU_PS_ADD("r6", "r1") MCU_PS_ADD("r7", "r2") MCU_PS_ADD("r8", "r4") MCU_PS_ADD("r10", "lr")
        "subs r11, #4\n bne 4b\n"
        "5:\n"
        "ldm r0!, {r1, r2, r3}\n ldr r4, [sp]\n"
        "sub r5, r9\n add r9, r3, r9, lsl #8\n smmul r5, r5, r1\n smmul r9, r9, r2\n"
        "ssat r5, #8, r5, asr #12\n ssat r9, #8, r9, asr #12\n"
        "strb r5, [r12], #1\n strb r9, [r12], #1\n"
        "cmp r0, r4\n bne.w 1b\n"
        "add sp, #12\n pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */

/* Pairs of channels of `pixels` pixels, whose words come in turn. */
static inline void mcu_ps_pairs(const int32_t *stream, const int32_t *end, const int32_t *window,
                                int32_t pixels, int32_t words, int8_t *output, int32_t pitch) {
    for (; stream != end; output += 2) {
        int32_t sums[MCU_FOUR_SUMS];
        stream = mcu_four_begin(sums, stream);
        for (int32_t word = 0; word < words; word++, stream++) {
            for (int32_t p = 0; p < pixels; p++) {
                mcu_four_times(sums, *stream, p, window[word * pixels + p]);
            }
        }
        stream = mcu_four_finish(sums, stream, pixels, output, pitch);
    }
}

static inline void mcu_ps_one(const int32_t *stream, const int32_t *end, const int32_t *window,
                              int32_t words, int8_t *output) {
    mcu_ps_pairs(stream, end, window, 1, words, output, 0);
}

#endif

/* ---- pixels one by one */

/* The words of a pixel, the last one first; `every` word of the window is its. */
static inline void mcu_ps_fill(int32_t *window, const int8_t *from, int32_t taps, int32_t every) {
    int32_t *to = window + every;
    int32_t i = 0;
    for (; i <= taps - 3; i += 4) { /* three that are left: the last four */
        const int32_t four = mcu_load4(from + ((i <= taps - 4) ? i : taps - 4));
        to[0] = mcu_sxtb16(four);
        to[every] = mcu_sxtb16_odd(four);
        to += 2 * every;
    }
    if (i < taps) {
        to[0] = mcu_lanes(from[taps - 2], from[taps - 1]);
        to += every;
    }
    window[0] = to[-every];
}

/// The pixels that are left behind steps of four.
MCU_OUT_OF_LINE
static void mcu_ps_rest(const mcu_conv2d_1x1_s8_dsp_params *p, const int8_t *input, int8_t *output,
                        int32_t words) {
    const int32_t pair = 2 + words + MCU_FOUR_CONSTANTS;
    const int32_t *const whole = p->stream + p->out_ch / 2 * pair;
    int32_t window[MCU_PS_MOST / 2 + 1]; /* the last word is first, and last */
    for (int32_t i = p->pixels / MCU_FOUR * MCU_FOUR; i < p->pixels; i++) {
        int8_t *const to = output + i * p->out_ch;
        mcu_ps_fill(window, input + i * p->in_ch, p->in_ch, 1);
        mcu_ps_one(p->stream, whole, window, words, to);
        if (p->out_ch % 2 != 0) {
            mcu_ps_one(whole, whole + pair, window, words, to + p->out_ch - 2);
        }
    }
}

#if !MCU_DSP_ASSEMBLY

static inline void mcu_ps_core(const mcu_conv2d_1x1_s8_dsp_params *p, const int8_t *input,
                               int8_t *output, int32_t words) {
    const int32_t pair = 2 + words + MCU_FOUR_CONSTANTS;
    const int32_t *const whole = p->stream + p->out_ch / 2 * pair;
    int32_t window[(MCU_PS_MOST / 2 + 1) * MCU_FOUR];
    for (int32_t i = 0; i + MCU_FOUR <= p->pixels; i += MCU_FOUR) {
        for (int32_t pixel = 0; pixel < MCU_FOUR; pixel++) {
            mcu_ps_fill(window + pixel, input + (i + pixel) * p->in_ch, p->in_ch, MCU_FOUR);
        }
        int8_t *const to = output + i * p->out_ch;
        mcu_ps_pairs(p->stream, whole, window, MCU_FOUR, words, to, p->out_ch);
        if (p->out_ch % 2 != 0) {
            mcu_ps_pairs(whole, whole + pair, window, MCU_FOUR, words, to + p->out_ch - 2,
                         p->out_ch);
        }
    }
}

#define MCU_PS_CORE(name, most, enter, fill, sums)                                                 \
    static void name(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,              \
                     int8_t *output, int32_t words) {                                              \
        mcu_ps_core(params, input, output, words);                                                 \
    }

#endif

/// The kernel, given its core.
static inline void mcu_pointwise_stack(const mcu_conv2d_1x1_s8_dsp_params *p, const int8_t *input,
                                       int8_t *output, int32_t words,
                                       void (*core)(const mcu_conv2d_1x1_s8_dsp_params *,
                                                    const int8_t *, int8_t *, int32_t)) {
    MCU_ASSERT(p->in_ch >= 4 && p->out_ch >= 2);
    core(p, input, output, words);
    if (p->pixels % MCU_FOUR != 0) {
        mcu_ps_rest(p, input, output, words);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_POINTWISE_STACK_DSP_H */
