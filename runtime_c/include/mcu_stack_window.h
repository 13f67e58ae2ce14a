/* mcu_stack_window.h: what the 3x3 convolutions with their window on the stack have in common.
 *
 * A pass computes four neighbours of a row, for all output channels, from 16 input channels. These
 * are widened to int16: [row][channel pair][x0 .. ], a word holding two channels of a pixel. The
 * core reads the window relative to the stack pointer, which saves a register for its address. All
 * 24 steps, a row and a pair of channels each, are unrolled.
 *
 * Two output channels A and B share a weight word: its lanes hold 256 * wA + wB for two taps.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias. Sums of
 * fewer than all input channels wait in scratch: eight words for each two output channels.
 *
 * Requantization, FIXED: SSAT((hi(256 * S * multiplier) + offset) >> 13), where that is proved to
 * give the reference's value for all sums that each channel can reach. Otherwise GENERAL, with x =
 * hi(2 * S * multiplier), rounded: SSAT((x - (x < 0) + offset) >> shift).
 *
 * The stream holds, for each 16 input channels, for each two output channels:
 *     256 * bias_A + bias_B, bias_B for the first input channels
 *     per row and pair of input channels: lanes of A and B for the columns of the weights
 *     per channel: multiplier, offset and, for GENERAL, shift, for the last input channels
 * Registers: r0 stream, r1-r4 pixels, lr weights, r5-r8 sums of A, r9-r12 sums of B.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_STACK_WINDOW_H
#define MCU_STACK_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_state.h"
#include "mcu_times_256.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MCU_STACK_ROWS = 3,
    MCU_STACK_PIXELS = 4, /* of the output */
    MCU_STACK_DEPTH = 16, /* input channels */
    MCU_STACK_PAIRS = MCU_STACK_DEPTH / 2,
    MCU_STACK_SUMS = 2 * MCU_STACK_PIXELS
};

/* How the sums of a pass end. */
enum { MCU_STACK_GENERAL, MCU_STACK_FIXED, MCU_STACK_KEPT };

/// What a pass needs. The first eight words are the state of mcu_state.h.
typedef struct {
    const int32_t *begin; ///< kept sums, or NULL to begin with biases
    int32_t *keep;        ///< where sums are kept
    int8_t *output;       ///< of the first pixel
    int32_t out_ch;
    int32_t end;
    int32_t pairs; ///< of output channels, 1 or more
    int32_t unused[2];
    const int8_t *image; ///< from the first of the 16 channels on
    int32_t y;           ///< of the window, which may lie outside in part, by one column at most
    int32_t x;
    int32_t in_h;
    int32_t in_w; ///< as wide as the window or wider
    int32_t in_ch;
    int32_t outside; ///< a word of padding
} mcu_stack_window;

/* ---- filling the window */

/// Rows [top, bottom) of the window lie on the image, whose columns are taken from `from` on. Where
/// that is not `x`, their place is a word beside that of the window; what they leave in the first
/// or last column is then overwritten.
typedef struct {
    int32_t top;
    int32_t bottom;
    int32_t from;
} mcu_stack_part;

static inline mcu_stack_part mcu_stack_clip(const mcu_stack_window *at, int32_t columns) {
    const int32_t top = mcu_clamp(-at->y, 0, MCU_STACK_ROWS);
    const mcu_stack_part part = {
        .top = top,
        .bottom = mcu_clamp(at->in_h - at->y, top, MCU_STACK_ROWS),
        .from = mcu_clamp(at->x, 0, at->in_w - columns),
    };
    return part;
}

/// Every `step`th of `count` words.
static inline void mcu_stack_set(int32_t *to, int32_t value, int32_t count, int32_t step) {
    for (; count > 0; count--, to += step) {
        *to = value;
    }
}

static inline void mcu_stack_pad(const mcu_stack_window *at, mcu_stack_part part, int32_t *window,
                                 int32_t columns) {
    const int32_t row = MCU_STACK_PAIRS * columns;
    if (part.from != at->x) {
        mcu_stack_set(window + ((part.from > at->x) ? 0 : columns - 1), at->outside,
                      MCU_STACK_ROWS * MCU_STACK_PAIRS, columns);
    }
    mcu_stack_set(window, at->outside, part.top * row, 1);
    mcu_stack_set(window + part.bottom * row, at->outside, (MCU_STACK_ROWS - part.bottom) * row, 1);
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MCU_STACK_BEGIN "0"
#define MCU_STACK_KEEP "1"
#define MCU_STACK_OUTPUT "2"
#define MCU_STACK_OUT_CH "3"
#define MCU_STACK_END "4"
#define MCU_STACK_LEFT "5"

/* Where the window lies: behind the state, if that is on the stack, and a word that is lost. */
#if defined(__ARM_FP)
#define MCU_STACK_WINDOW "4"
#else
#define MCU_STACK_WINDOW "36"
#endif

#define MCU_STACK_ADD(sum, x) "smlad " sum ", lr, " x ", " sum "\n"
/* A column of the weights. */
#define MCU_STACK_TIMES(x0, x1, x2, x3)                                                            \
    MCU_STACK_ADD("r5", x0) MCU_STACK_ADD("r6", x1) MCU_STACK_ADD("r7", x2)                        \
    MCU_STACK_ADD("r8", x3) "sxtb16 lr, lr\n"                                                      \
    MCU_STACK_ADD("r9", x0) MCU_STACK_ADD("r10", x1) MCU_STACK_ADD("r11", x2)                      \
    MCU_STACK_ADD("r12", x3)
#define MCU_STACK_X(reg, at) "ldr " reg ", [sp, #" MCU_STACK_WINDOW "+" at "]\n"
#define MCU_STACK_W "ldr lr, [r0], #4\n"

#define MCU_STACK_EACH(op, p, q, r, s) op(p) op(q) op(r) op(s)
#define MCU_STACK_SPLIT "sub r5, r9\n sub r6, r10\n sub r7, r11\n sub r8, r12\n"
#define MCU_STACK_TIMES_256(sum) "lsl " sum ", #8\n"
#define MCU_STACK_FIXED_A(sum)                                                                     \
    "smmla " sum ", " sum ", r1, r2\n ssat " sum ", #8, " sum ", asr #13\n"
#define MCU_STACK_FIXED_B(sum)                                                                     \
    "smmla " sum ", " sum ", r3, r4\n ssat " sum ", #8, " sum ", asr #13\n"
#define MCU_STACK_TWICE(sum) "lsl " sum ", #1\n"
#define MCU_STACK_HALF_OF_256(sum) "asr " sum ", #7\n"
#define MCU_STACK_SHIFTED(sum)                                                                     \
    "smmulr " sum ", " sum ", r1\n add " sum ", " sum ", " sum ", asr #31\n"                       \
    "add " sum ", r2\n asr " sum ", r3\n ssat " sum ", #8, " sum "\n"

/* A pass: `frame` bytes for the window and a word before and behind it, 4 more than a multiple of
 * 8; fill_window() fills it. Returns where the stream goes on. */
#define MCU_STACK_PASS(frame, steps)                                                               \
    ".syntax unified\n"                                                                            \
    "push {r4-r11, lr}\n sub sp, #" frame "\n"                                                     \
    "mov r4, r0\n mov r5, r1\n mov r0, r1\n add r1, sp, #4\n"                                      \
    "bl fill_window\n"                                                                             \
    "mov r0, r4\n mov r1, r5\n"                                                                    \
    MCU_STATE_ENTER                                                                                \
    ".balign 4\n"                                                                                  \
    "1:\n"                                                                                         \
    MCU_GET("r1", MCU_STACK_BEGIN)                                                                 \
    "cmp r1, #0\n bne.w 6f\n"                                                                      \
    "ldr r5, [r0], #4\n ldr r9, [r0], #4\n"                                                        \
    "mov r6, r5\n mov r7, r5\n mov r8, r5\n mov r10, r9\n mov r11, r9\n mov r12, r9\n"             \
    "2:\n"                                                                                         \
    steps                                                                                          \
    MCU_GET("r1", MCU_STACK_END)                                                                   \
    "cmp r1, #1\n bne.w 5f\n"                                                                      \
    MCU_STACK_SPLIT                                                                                \
    "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"                  \
    MCU_STACK_EACH(MCU_STACK_TIMES_256, "r9", "r10", "r11", "r12")                                 \
    MCU_STACK_EACH(MCU_STACK_FIXED_A, "r5", "r6", "r7", "r8")                                      \
    MCU_STACK_EACH(MCU_STACK_FIXED_B, "r9", "r10", "r11", "r12")                                   \
    "3:\n" /* the low bytes of A and B to the four pixels */                                       \
    MCU_GET("r2", MCU_STACK_OUT_CH) MCU_GET("r1", MCU_STACK_OUTPUT)                                \
    "bfi r5, r9, #8, #24\n bfi r6, r10, #8, #24\n"                                                 \
    "add r3, r1, r2\n bfi r7, r11, #8, #24\n add r4, r3, r2\n bfi r8, r12, #8, #24\n"              \
    "strh r5, [r1], #2\n strh r6, [r3]\n add r3, r4, r2\n strh r7, [r4]\n strh r8, [r3]\n"         \
    MCU_PUT(MCU_STACK_OUTPUT, "r1")                                                                \
    "4:\n"                                                                                         \
    MCU_GET("r2", MCU_STACK_LEFT)                                                                  \
    "subs r2, #1\n"                                                                                \
    MCU_PUT(MCU_STACK_LEFT, "r2")                                                                  \
    "bne.w 1b\n"                                                                                   \
    MCU_STATE_LEAVE                                                                                \
    "add sp, #" frame "\n pop {r4-r11, pc}\n"                                                      \
    "5:\n"                                                                                         \
    "bhi.w 7f\n"                                                                                   \
    MCU_STACK_SPLIT                                                                                \
    "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                     \
    MCU_STACK_EACH(MCU_STACK_HALF_OF_256, "r5", "r6", "r7", "r8")                                  \
    MCU_STACK_EACH(MCU_STACK_SHIFTED, "r5", "r6", "r7", "r8")                                      \
    "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                     \
    MCU_STACK_EACH(MCU_STACK_TWICE, "r9", "r10", "r11", "r12")                                     \
    MCU_STACK_EACH(MCU_STACK_SHIFTED, "r9", "r10", "r11", "r12")                                   \
    "b.w 3b\n"                                                                                     \
    "6:\n" /* kept sums */                                                                         \
    "ldm r1!, {r5-r12}\n"                                                                          \
    MCU_PUT(MCU_STACK_BEGIN, "r1")                                                                 \
    "b.w 2b\n"                                                                                     \
    "7:\n"                                                                                         \
    MCU_GET("r1", MCU_STACK_KEEP)                                                                  \
    "stm r1!, {r5-r12}\n"                                                                          \
    MCU_PUT(MCU_STACK_KEEP, "r1")                                                                  \
    "b.w 4b\n"

/* clang-format on */

#else

/// Widens rows, `pitch` bytes apart, of `columns` pixels of in_ch bytes: of each four of 16
/// channels 0 and 2, then 1 and 3.
static inline void mcu_stack_widen(int32_t *window, const int8_t *from, int32_t in_ch,
                                   int32_t pitch, int32_t rows, int32_t columns) {
    for (; rows > 0; rows--, from += pitch) {
        for (int32_t c = 0; c < MCU_STACK_DEPTH; c += 4, window += 2 * columns) {
            for (int32_t x = 0; x < columns; x++) {
                const int32_t bytes = mcu_load4(from + x * in_ch + c);
                window[x] = mcu_sxtb16(bytes);
                window[columns + x] = mcu_sxtb16_odd(bytes);
            }
        }
    }
}

/// A pass in C, for machines without these instructions. With stride 2 the columns of the weights
/// are taken in the order 0, 2, 1.
static inline const int32_t *mcu_stack_pass(const int32_t *stream, const mcu_stack_window *at,
                                            const int32_t *window, int32_t columns,
                                            int32_t stride) {
    const int32_t fixed = (at->end == MCU_STACK_FIXED) ? 1 : 0;
    const int32_t constants = (fixed != 0) ? 2 : 3;
    const int32_t *const end = window + MCU_STACK_ROWS * MCU_STACK_PAIRS * columns;
    for (int32_t pair = 0; pair < at->pairs; pair++) {
        const int32_t first = MCU_STACK_SUMS * pair;
        int32_t sums[MCU_STACK_SUMS]; /* of A, of B */
        for (int32_t p = 0; p < MCU_STACK_SUMS; p++) {
            sums[p] = (at->begin == NULL) ? stream[p / MCU_STACK_PIXELS] : at->begin[first + p];
        }
        stream += (at->begin == NULL) ? 2 : 0;
        for (const int32_t *x = window; x != end; x += columns) {
            for (int32_t i = 0; i < 3; i++, stream++) {
                const int32_t *const column = x + stride * i % 3;
                const int32_t low = mcu_sxtb16(*stream);
                for (int32_t p = 0; p < MCU_STACK_PIXELS; p++) {
                    int32_t *const b = &sums[MCU_STACK_PIXELS + p];
                    sums[p] = mcu_smlad(*stream, column[stride * p], sums[p]);
                    *b = mcu_smlad(low, column[stride * p], *b);
                }
            }
        }
        if (at->end == MCU_STACK_KEPT) {
            for (int32_t p = 0; p < MCU_STACK_SUMS; p++) {
                at->keep[first + p] = sums[p];
            }
            continue;
        }
        for (int32_t p = 0; p < MCU_STACK_PIXELS; p++) {
            int8_t *const to = at->output + p * at->out_ch + 2 * pair;
            const int32_t b = sums[MCU_STACK_PIXELS + p];
            to[0] = mcu_times_256(mcu_sub_wrap(sums[p], b), stream, fixed);
            to[1] = mcu_times_256(mcu_shift_left(b, 8), stream + constants, fixed);
        }
        stream += 2 * constants;
    }
    return stream;
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* MCU_STACK_WINDOW_H */
