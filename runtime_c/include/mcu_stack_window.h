/* mcu_stack_window.h: what the 3x3 convolutions with their window on the stack have in common.
 *
 * A pass computes four neighbours of one or two rows, for all output channels, from 16 input
 * channels. These are widened to int16: [row][channel pair][x0 .. ], a word holding two channels of
 * a pixel. The core reads the window relative to the stack pointer, which saves a register for its
 * address. All 24 steps, a row and a pair of channels each, are unrolled. For the next row the
 * stack pointer rises by a row of the window, which is no longer needed.
 *
 * Two output channels A and B share a weight word: its lanes hold 256 * wA + wB for two taps.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias. Sums of
 * fewer than all input channels wait in scratch: eight words for each two output channels of a row.
 *
 * Requantization, FIXED: SSAT((hi(256 * S * multiplier) + offset) >> 13), where that is proved to
 * give the reference's value for all sums that each channel can reach. Otherwise GENERAL, with x =
 * hi(2 * S * multiplier), rounded: SSAT((x - (x < 0) + offset) >> shift). The core subtracts where
 * S < 0: where x = 0 then, offset - 1 and offset have the same value, as offset is an odd multiple
 * of half a step.
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

#include "mcu_conv2d_3x3_stack_s8_dsp.h"
#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_state.h"
#include "mcu_times_256.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MCU_STACK_WEIGHTS = 3, /* rows and columns of weights */
    MCU_STACK_PIXELS = 4,  /* of the output */
    MCU_STACK_DEPTH = 16,  /* input channels */
    MCU_STACK_PAIRS = MCU_STACK_DEPTH / 2,
    MCU_STACK_SUMS = 2 * MCU_STACK_PIXELS,
    MCU_STACK_WORDS = 3 * 9 * MCU_STACK_PAIRS + 2 /* of the largest window, and one on each side */
};

/* How the sums of a pass end. */
enum { MCU_STACK_GENERAL, MCU_STACK_FIXED, MCU_STACK_KEPT };

/// What a pass needs; it changes the first three words and `rows`. The first eight are the state of
/// mcu_state.h.
typedef struct mcu_stack_window {
    const int32_t *begin; ///< kept sums, or NULL to begin with biases
    int32_t *keep;        ///< where sums are kept
    int8_t *output;       ///< of the first pixel
    int32_t out_ch;
    int32_t end;
    const int32_t *last; ///< where the stream ends
    struct mcu_stack_window *self;
    const int32_t *stream;
    int32_t rows;        ///< of the output
    int32_t pitch;       ///< from the last channel of a pixel to the first one below
    const int8_t *image; ///< from the first of the 16 channels on
    int32_t y;           ///< of the window, which may lie outside in part, by one column at most
    int32_t x;
    const mcu_conv2d_3x3_stack_s8_dsp_params *params;
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

/// Every `step`th of `count` words.
static inline void mcu_stack_set(int32_t *to, int32_t value, int32_t count, int32_t step) {
    for (; count > 0; count--, to += step) {
        *to = value;
    }
}

static inline void mcu_stack_pad(const mcu_stack_window *at, mcu_stack_part part, int32_t *window,
                                 int32_t rows, int32_t columns) {
    const int32_t row = MCU_STACK_PAIRS * columns;
    const int32_t zero = at->params->input_zero_point;
    const int32_t outside = mcu_lanes(zero, zero);
    if (part.from != at->x) {
        mcu_stack_set(window + ((part.from > at->x) ? 0 : columns - 1), outside,
                      rows * MCU_STACK_PAIRS, columns);
    }
    mcu_stack_set(window, outside, part.top * row, 1);
    mcu_stack_set(window + part.bottom * row, outside, (rows - part.bottom) * row, 1);
}

/// Widens rows, `pitch` bytes apart, of the window's columns of pixels of in_ch bytes: of each four
/// of 16 channels 0 and 2, then 1 and 3.
typedef void mcu_stack_widen_function(int32_t *window, const int8_t *from, int32_t in_ch,
                                      int32_t pitch, int32_t rows);

/// Fills the window.
static inline void mcu_stack_fill(const mcu_stack_window *at, int32_t *window, int32_t columns,
                                  mcu_stack_widen_function *widen) {
    const int32_t rows = at->rows + MCU_STACK_WEIGHTS - 1;
    const int32_t in_h = at->params->in_h;
    const int32_t in_ch = at->params->in_ch;
    const int32_t pitch = at->params->in_w * in_ch;
    const int32_t last = at->params->in_w - columns;
    if (at->y >= 0 && at->y + rows <= in_h && at->x >= 0 && at->x <= last) {
        widen(window, at->image + at->y * pitch + at->x * in_ch, in_ch, pitch, rows);
        return;
    }
    const int32_t top = mcu_clamp(-at->y, 0, rows);
    const mcu_stack_part part = {
        .top = top,
        .bottom = mcu_clamp(in_h - at->y, top, rows),
        .from = mcu_clamp(at->x, 0, last),
    };
    if (part.top < part.bottom) {
        widen(window + part.top * MCU_STACK_PAIRS * columns + (part.from - at->x),
              at->image + (at->y + part.top) * pitch + part.from * in_ch, in_ch, pitch,
              part.bottom - part.top);
    }
    mcu_stack_pad(at, part, window, rows, columns);
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MCU_STACK_BEGIN "0"
#define MCU_STACK_KEEP "1"
#define MCU_STACK_OUTPUT "2"
#define MCU_STACK_OUT_CH "3"
#define MCU_STACK_END "4"
#define MCU_STACK_LAST "5"
#define MCU_STACK_SELF "6"

/* Where the window lies: behind the state, if that is on the stack, and a word that is lost. */
#if defined(__ARM_FP)
#define MCU_STACK_WINDOW "4"
#else
#define MCU_STACK_WINDOW "36"
#endif

#define MCU_STACK_ADD(sum, x) "smlad " sum ", lr, " x ", " sum "\n"
/* A column of the weights; the first one of a pass begins with r5 and r9. */
#define MCU_STACK_TIMES(x0, x1, x2, x3)                                                            \
    MCU_STACK_ADD("r5", x0) MCU_STACK_ADD("r6", x1) MCU_STACK_ADD("r7", x2)                        \
    MCU_STACK_ADD("r8", x3) "sxtb16 lr, lr\n"                                                      \
    MCU_STACK_ADD("r9", x0) MCU_STACK_ADD("r10", x1) MCU_STACK_ADD("r11", x2)                      \
    MCU_STACK_ADD("r12", x3)
#define MCU_STACK_FIRST_TIMES                                                                      \
    "smlad r6, lr, r2, r5\n smlad r7, lr, r3, r5\n smlad r8, lr, r4, r5\n"                         \
    MCU_STACK_ADD("r5", "r1") "sxtb16 lr, lr\n"                                                    \
    "smlad r10, lr, r2, r9\n smlad r11, lr, r3, r9\n smlad r12, lr, r4, r9\n"                      \
    MCU_STACK_ADD("r9", "r1")
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
    "add r4, r2, " sum ", asr #31\n smmlar " sum ", " sum ", r1, r4\n"                             \
    "asr " sum ", r3\n ssat " sum ", #8, " sum "\n"

/* A pass: `first` loads what the first column meets, `steps` is all the rest. fill_window() fills
 * the window, which has a word before and behind it. `frame` bytes, 12 more than that has for `rows`
 * rows of the output; `row` bytes are a row of the window. */
#define MCU_STACK_PASS(frame, rows, row, first, steps)                                             \
    ".syntax unified\n"                                                                            \
    "push {r4-r11, lr}\n sub sp, #" frame "\n"                                                     \
    ".if " rows " > 1\n ldr r1, [r0, #32]\n cmp r1, #1\n bne 1f\n add sp, #" row "\n 1:\n .endif\n"   \
    "mov r4, r0\n add r1, sp, #4\n"                                                               \
    "bl fill_window\n"                                                                             \
    "mov r1, r4\n"                                                                                 \
    ".balign 4\n"                                                                                  \
    "8:\n"                                                                                         \
    "ldr r0, [r1, #28]\n"                                                                          \
    MCU_STATE_ENTER                                                                                \
    ".balign 4\n"                                                                                  \
    "1:\n"                                                                                         \
    MCU_GET("r1", MCU_STACK_BEGIN)                                                                 \
    "cbz r1, 6f\n"                                                                                 \
    "ldm r1!, {r5-r12}\n" /* kept sums */                                                          \
    MCU_PUT(MCU_STACK_BEGIN, "r1")                                                                 \
    first MCU_STACK_TIMES("r1", "r2", "r3", "r4")                                                  \
    "b.w 2f\n"                                                                                     \
    ".balign 4\n"                                                                                  \
    "6:\n"                                                                                         \
    "ldr r5, [r0], #4\n ldr r9, [r0], #4\n"                                                        \
    first MCU_STACK_FIRST_TIMES                                                                    \
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
    MCU_GET("r2", MCU_STACK_LAST)                                                                  \
    "cmp r0, r2\n bne.w 1b\n"                                                                      \
    ".if " rows " > 1\n" /* the next row */                                                        \
    MCU_GET("r1", MCU_STACK_SELF)                                                                  \
    MCU_GET("r2", MCU_STACK_BEGIN) MCU_GET("r3", MCU_STACK_KEEP) MCU_GET("r4", MCU_STACK_OUTPUT)   \
    "ldr r5, [r1, #36]\n ldr r6, [r1, #32]\n"                                                      \
    "add r4, r5\n stm r1, {r2, r3, r4}\n"                                                          \
    "subs r6, #1\n str r6, [r1, #32]\n"                                                            \
    MCU_STATE_LEAVE                                                                                \
    "add sp, #" row "\n bne.w 8b\n"                                                                \
    "add sp, #(" frame "-" rows "*" row ")\n"                                                      \
    ".else\n"                                                                                      \
    MCU_STATE_LEAVE                                                                                \
    "add sp, #" frame "\n"                                                                         \
    ".endif\n"                                                                                     \
    "pop {r4-r11, pc}\n"                                                                           \
    "5:\n"                                                                                         \
    "blo 6f\n"                                                                                     \
    MCU_GET("r1", MCU_STACK_KEEP) MCU_GET("r2", MCU_STACK_LAST)                                    \
    "stm r1!, {r5-r12}\n"                                                                          \
    MCU_PUT(MCU_STACK_KEEP, "r1")                                                                  \
    "cmp r0, r2\n bne.w 1b\n b.w 4b\n"                                                             \
    "6:\n"                                                                                         \
    MCU_STACK_SPLIT                                                                                \
    "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                     \
    MCU_STACK_EACH(MCU_STACK_HALF_OF_256, "r5", "r6", "r7", "r8")                                  \
    MCU_STACK_EACH(MCU_STACK_SHIFTED, "r5", "r6", "r7", "r8")                                      \
    "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                     \
    MCU_STACK_EACH(MCU_STACK_TWICE, "r9", "r10", "r11", "r12")                                     \
    MCU_STACK_EACH(MCU_STACK_SHIFTED, "r9", "r10", "r11", "r12")                                   \
    "b.w 3b\n"

/* clang-format on */

#else

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

/// A row of a pass in C, for machines without these instructions. With stride 2 the columns of the
/// weights are taken in the order 0, 2, 1.
static inline void mcu_stack_row(mcu_stack_window *at, const int32_t *window, int32_t columns,
                                 int32_t stride) {
    const int32_t fixed = (at->end == MCU_STACK_FIXED) ? 1 : 0;
    const int32_t constants = (fixed != 0) ? 2 : 3;
    const int32_t *const end = window + MCU_STACK_WEIGHTS * MCU_STACK_PAIRS * columns;
    for (const int32_t *stream = at->stream; stream != at->last;) {
        int32_t sums[MCU_STACK_SUMS]; /* of A, of B */
        for (int32_t p = 0; p < MCU_STACK_SUMS; p++) {
            sums[p] = (at->begin == NULL) ? stream[p / MCU_STACK_PIXELS] : at->begin[p];
        }
        if (at->begin == NULL) {
            stream += 2;
        } else {
            at->begin += MCU_STACK_SUMS;
        }
        for (const int32_t *x = window; x != end; x += columns) {
            for (int32_t i = 0; i < MCU_STACK_WEIGHTS; i++, stream++) {
                const int32_t *const column = x + stride * i % MCU_STACK_WEIGHTS;
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
                *at->keep++ = sums[p];
            }
            continue;
        }
        for (int32_t p = 0; p < MCU_STACK_PIXELS; p++) {
            int8_t *const to = at->output + p * at->out_ch;
            const int32_t b = sums[MCU_STACK_PIXELS + p];
            to[0] = mcu_times_256(mcu_sub_wrap(sums[p], b), stream, fixed);
            to[1] = mcu_times_256(mcu_shift_left(b, 8), stream + constants, fixed);
        }
        at->output += 2;
        stream += 2 * constants;
    }
    at->output += (at->end == MCU_STACK_KEPT) ? 0 : at->pitch;
}

/// A pass in C.
static inline void mcu_stack_pass(mcu_stack_window *at, int32_t columns, int32_t stride,
                                  mcu_stack_widen_function *widen) {
    int32_t words[MCU_STACK_WORDS];
    const int32_t *window = words + 1; /* a word before and behind the window is lost */
    mcu_stack_fill(at, words + 1, columns, widen);
    for (; at->rows > 0; at->rows--, window += MCU_STACK_PAIRS * columns) {
        mcu_stack_row(at, window, columns, stride);
    }
}

#endif

/// The kernel: `pass` computes up to `rows` rows of four pixels from 16 channels.
static inline void mcu_stack_convolve(const mcu_conv2d_3x3_stack_s8_dsp_params *p,
                                      const int8_t *input, int8_t *output, int32_t *scratch,
                                      int32_t stride, int32_t rows,
                                      void (*pass)(mcu_stack_window *at)) {
    const int32_t words = MCU_STACK_WEIGHTS * MCU_STACK_WEIGHTS * MCU_STACK_PAIRS; /* of two */
    const int32_t last = p->out_w - MCU_STACK_PIXELS;
    mcu_stack_window at;
    at.keep = scratch;
    at.output = output;
    at.out_ch = p->out_ch;
    at.self = &at;
    at.pitch = (p->out_w - 1) * p->out_ch;
    at.params = p;
    for (int32_t batch = p->batch; batch > 0; batch--) {
        for (int32_t row = 0; row < p->out_h; row += rows) {
            for (int32_t column = -MCU_STACK_PIXELS; column != last;) {
                column += MCU_STACK_PIXELS;
                if (column > last) {
                    column = last; /* The last step of a row begins where there are four pixels. */
                }
                at.y = stride * row - p->pad_top;
                at.x = stride * column - p->pad_left;
                at.image = input;
                at.begin = NULL;
                at.stream = p->stream;
                at.last = p->stream + p->out_ch; /* behind the biases, a word for each channel */
                for (int32_t left = p->in_ch; left > 0; left -= MCU_STACK_DEPTH) {
                    at.rows = (row + rows <= p->out_h) ? rows : p->out_h - row;
                    at.last += p->out_ch / 2 * words;
                    if (left > MCU_STACK_DEPTH) {
                        at.keep = scratch;
                        at.end = MCU_STACK_KEPT;
                    } else {
                        at.output = output + (row * p->out_w + column) * p->out_ch;
                        at.end = (p->fixed != 0) ? MCU_STACK_FIXED : MCU_STACK_GENERAL;
                        at.last += p->out_ch * ((p->fixed != 0) ? 2 : 3); /* constants */
                    }
                    pass(&at);
                    at.image += MCU_STACK_DEPTH;
                    at.begin = scratch;
                    at.stream = at.last;
                }
            }
        }
        input += p->in_h * p->in_w * p->in_ch;
        output += p->out_h * p->out_w * p->out_ch;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_STACK_WINDOW_H */
