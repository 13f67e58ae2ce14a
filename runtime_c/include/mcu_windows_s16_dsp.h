/* mcu_windows_s16_dsp.h: two output channels of four positions at a time in 16x8: what the
 * convolutions for cores with SIMD have in common.
 *
 * The windows of four output positions are gathered, padding filled in, as pairs of taps in a word,
 * a word of each position in turn. A row of the window has L = kernel_w * in_ch taps; where L is
 * odd, the last one has a word of its own. The core multiplies them with all channels. Up to three
 * positions are left in the end, and computed one by one.
 *
 * The stream holds, for each two output channels A and B, in the order of reading:
 *     bias_A, bias_B
 *     per pair of taps: four bytes, weights of A and B for the first tap, then for the second
 *     multiplier_A, multiplier_B
 * Where channels are odd, the last two are a pair once more: one of them is computed twice.
 *
 * SXTB16 makes two lanes of the bytes of A, and with ROR #8 of those of B. Sums are taken modulo
 * 2^32, which they fit; an output is SSAT or USAT(SMMULR(sum, multiplier)), one rounding, which is
 * proved to be exact when the project is generated.
 *
 * Registers of the cores: r0 stream, r5-r8 sums of A, r9-r12 sums of B.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_WINDOWS_S16_DSP_H
#define MCU_WINDOWS_S16_DSP_H

#include <stdint.h>

#include "mcu_conv2d_s16_dsp.h"
#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MCU_WS_POSITIONS = 4,
    MCU_WS_CHANNELS = 2,
    MCU_WS_AROUND = 4 /* words of the stream for two channels beside their weights */
};

/// The rows of the windows of four positions that lie on the image, one beside the other.
typedef struct {
    int32_t step; ///< bytes from a position to the next
    int32_t taps; ///< of a row
    int32_t gap;  ///< bytes from where a row ends to the next one
    int32_t rows;
} mcu_ws_rows;

/// The part of a position's window that lies on the image.
typedef struct {
    int32_t odd;    ///< 1: it begins with the second half of a word
    int32_t taps;   ///< of a row, 1 or more
    int32_t gap;    ///< bytes from where a row ends to the next one,
    int32_t to_gap; ///< in the window
    int32_t rows;   ///< 1 or more
} mcu_ws_part;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MCU_WS_SCALE(a, b) "smmulr " a ", " a ", r2\n smmulr " b ", " b ", r3\n"
#define MCU_WS_SIGNED(a, b) "ssat " a ", #16, " a "\n ssat " b ", #16, " b "\n"
#define MCU_WS_UNSIGNED(a, b) "usat " a ", #15, " a "\n usat " b ", #15, " b "\n"
#define MCU_WS_PACK(a, b) "pkhbt " a ", " a ", " b ", lsl #16\n"
#define MCU_WS_EACH(op) op("r5", "r9") op("r6", "r10") op("r7", "r11") op("r8", "r12")

/* From sums to outputs, given words of the state; branches to 4 if `is_signed`. r1 is then behind
 * the outputs of the first position. */
#define MCU_WS_FINISH(is_signed, output, pitch)                                                    \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                                       \
    MCU_WS_EACH(MCU_WS_SCALE)                                                                      \
    "b" is_signed ".w 4f\n"                                                                        \
    MCU_WS_EACH(MCU_WS_UNSIGNED)                                                                   \
    "3:\n"                                                                                         \
    MCU_GET("r1", output) MCU_GET("r2", pitch)                                                     \
    MCU_WS_PACK("r5", "r9") "add r3, r1, r2\n" MCU_WS_PACK("r6", "r10") "add r4, r3, r2\n"         \
    MCU_WS_PACK("r7", "r11") MCU_WS_PACK("r8", "r12")                                              \
    "str r5, [r1], #4\n str r6, [r3]\n str r7, [r4]\n str r8, [r4, r2]\n"                         \
    MCU_PUT(output, "r1")
#define MCU_WS_FINISH_SIGNED "4:\n" MCU_WS_EACH(MCU_WS_SIGNED) "b.w 3b\n"

#define MCU_WS_ADD(w, x)                                                                           \
    "sxtb16 r12, " w ", ror #8\n sxtb16 " w ", " w "\n"                                            \
    "smlad r10, " w ", " x ", r10\n smlad r11, r12, " x ", r11\n"

/* One position, whose words are four apart: 29 cycles for 16 products. `words` is twice their
 * number, and 1 for a ReLU. */
MCU_ASSEMBLY_FUNCTION
static void mcu_ws_one(const int32_t *stream MCU_UNUSED, const int32_t *end MCU_UNUSED,
                       const int32_t *window MCU_UNUSED, int32_t words MCU_UNUSED,
                       int16_t *output MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n ldr r12, [sp, #36]\n push {r1-r3, r12}\n"
        "1:\n"
        "ldr r1, [sp, #4]\n ldr lr, [sp, #8]\n ldr r10, [r0], #4\n ldr r11, [r0], #4\n"
        "lsr lr, #1\n"
        "2:\n"
        "tst lr, #3\n beq 3f\n"
        "ldr r2, [r0], #4\n ldr r6, [r1], #16\n" MCU_WS_ADD("r2", "r6")
        "subs lr, #1\n b 2b\n"
        "3:\n"
        "cmp lr, #0\n beq 5f\n"
        ".balign 4\n"
        "4:\n"
        "ldm r0!, {r2-r5}\n"
        "ldr r6, [r1], #16\n ldr r7, [r1], #16\n ldr r8, [r1], #16\n ldr r9, [r1], #16\n"
        MCU_WS_ADD("r2", "r6") MCU_WS_ADD("r3", "r7") MCU_WS_ADD("r4", "r8") MCU_WS_ADD("r5", "r9")
        "subs lr, #4\n bne 4b\n"
        "5:\n"
        "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [sp]\n ldr r5, [sp, #12]\n ldr r6, [sp, #8]\n"
        "smmulr r10, r10, r2\n smmulr r11, r11, r3\n"
        "tst r6, #1\n bne 7f\n" /* a ReLU? */
        MCU_WS_SIGNED("r10", "r11")
        "6:\n"
        "strh r10, [r5]\n strh r11, [r5, #2]\n add r5, #4\n str r5, [sp, #12]\n"
        "cmp r0, r4\n bne 1b\n"
        "add sp, #16\n pop {r4-r11, pc}\n"
        "7:\n" MCU_WS_UNSIGNED("r10", "r11") "b 6b\n");
}

/* A word, or a last tap, of each position. */
#define MCU_WS_LOADS(load, p, q, r, s, bytes)                                                      \
    load " " q ", [r1, r2]\n " load " " r ", [r1, r2, lsl #1]\n " load " " s ", [r1, r3]\n"       \
    load " " p ", [r1], #" bytes "\n"
#define MCU_WS_STORES(p, q, r, s)                                                                  \
    "str " q ", [r0, #4]\n str " r ", [r0, #8]\n str " s ", [r0, #12]\n str " p ", [r0], #16\n"

/* 20 cycles for four taps of each position. */
MCU_ASSEMBLY_FUNCTION
static void mcu_ws_fill(int32_t *window MCU_UNUSED, const int16_t *from MCU_UNUSED,
                        const mcu_ws_rows *of MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r2, r4-r11, lr}\n"
        "ldr lr, [r2, #12]\n ldr r2, [r2]\n add r3, r2, r2, lsl #1\n"
        "1:\n"
        "ldr r12, [sp]\n ldr r12, [r12, #4]\n subs r12, #4\n blt 3f\n"
        ".balign 4\n"
        "2:\n"
        MCU_WS_LOADS("ldr", "r4", "r5", "r6", "r7", "4")
        MCU_WS_LOADS("ldr", "r8", "r9", "r10", "r11", "4")
        MCU_WS_STORES("r4", "r5", "r6", "r7") MCU_WS_STORES("r8", "r9", "r10", "r11")
        "subs r12, #4\n bge 2b\n"
        "3:\n"
        "tst r12, #2\n beq 4f\n"
        MCU_WS_LOADS("ldr", "r4", "r5", "r6", "r7", "4") MCU_WS_STORES("r4", "r5", "r6", "r7")
        "4:\n"
        "tst r12, #1\n beq 5f\n"
        MCU_WS_LOADS("ldrsh", "r4", "r5", "r6", "r7", "2") MCU_WS_STORES("r4", "r5", "r6", "r7")
        "5:\n"
        "ldr r12, [sp]\n ldr r12, [r12, #8]\n add r1, r12\n subs lr, #1\n bne 1b\n"
        "pop {r2, r4-r11, pc}\n");
}

/* 10 cycles for a row of four taps; for another about 20, and 12 for each eight taps. */
MCU_ASSEMBLY_FUNCTION
static void mcu_ws_copy(int32_t *to MCU_UNUSED, const int16_t *from MCU_UNUSED,
                        const mcu_ws_part *of MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11}\n"
        "ldm r2, {r2-r6}\n" /* odd, taps, gap, to_gap, rows */
        "cmp r3, #4\n bne 2f\n cbnz r2, 2f\n"
        ".balign 4\n"
        "1:\n"
        "ldr r8, [r1], #4\n ldr r9, [r1], #4\n add r1, r4\n"
        "str r8, [r0], #16\n str r9, [r0], #16\n add r0, r5\n"
        "subs r6, #1\n bne 1b\n b 9f\n"
        ".balign 4\n"
        "2:\n"
        "mov r7, r3\n cbz r2, 3f\n"
        "ldrh r8, [r1], #2\n strh r8, [r0, #2]\n add r0, #16\n sub r7, #1\n"
        "3:\n"
        "subs r7, #8\n blt 5f\n"
        ".balign 4\n"
        "4:\n"
        "ldr r8, [r1], #4\n ldr r9, [r1], #4\n ldr r10, [r1], #4\n ldr r11, [r1], #4\n"
        "str r8, [r0], #16\n str r9, [r0], #16\n str r10, [r0], #16\n str r11, [r0], #16\n"
        "subs r7, #8\n bge 4b\n"
        "5:\n"
        "lsls r8, r7, #30\n bcc 6f\n" /* carry: four taps are left, minus: two, and one */
        "ldr r8, [r1], #4\n ldr r9, [r1], #4\n str r8, [r0], #16\n str r9, [r0], #16\n"
        "6:\n"
        "bpl 7f\n ldr r8, [r1], #4\n str r8, [r0], #16\n"
        "7:\n"
        "lsls r8, r7, #31\n beq 8f\n ldrh r8, [r1], #2\n strh r8, [r0], #16\n" /* padding may follow */
        "8:\n"
        "add r1, r4\n add r0, r5\n subs r6, #1\n bne 2b\n"
        "9:\n"
        "pop {r4-r11}\n bx lr\n");
}

/* clang-format on */

#else

/* The same algorithms in C, for machines without these instructions. */

/* Pairs of channels of `positions` positions, `pitch` elements apart. */
static inline void mcu_ws_pairs(const int32_t *stream, const int32_t *end, const int32_t *window,
                                int32_t words, int32_t positions, int16_t *output, int32_t pitch) {
    const int32_t low = (words % 2 != 0) ? 0 : INT16_MIN;
    for (; stream != end; output += MCU_WS_CHANNELS) {
        int32_t sums[MCU_WS_POSITIONS][MCU_WS_CHANNELS];
        const int32_t *x = window;
        for (int32_t p = 0; p < positions; p++) {
            sums[p][0] = stream[0];
            sums[p][1] = stream[1];
        }
        stream += 2;
        for (int32_t i = words / 2; i > 0; i--, x += MCU_WS_POSITIONS, stream++) {
            for (int32_t p = 0; p < positions; p++) {
                sums[p][0] = mcu_smlad(mcu_sxtb16(*stream), x[p], sums[p][0]);
                sums[p][1] = mcu_smlad(mcu_sxtb16_odd(*stream), x[p], sums[p][1]);
            }
        }
        for (int32_t p = 0; p < positions; p++) {
            int16_t *const to = output + p * pitch;
            to[0] = (int16_t)mcu_clamp(mcu_smmulr(sums[p][0], stream[0]), low, INT16_MAX);
            to[1] = (int16_t)mcu_clamp(mcu_smmulr(sums[p][1], stream[1]), low, INT16_MAX);
        }
        stream += 2;
    }
}

static inline void mcu_ws_one(const int32_t *stream, const int32_t *end, const int32_t *window,
                              int32_t words, int16_t *output) {
    mcu_ws_pairs(stream, end, window, words, 1, output, 0);
}

static inline void mcu_ws_fill(int32_t *window, const int16_t *from, const mcu_ws_rows *of) {
    for (int32_t row = 0; row < of->rows; row++) {
        for (int32_t i = 0; i < of->taps; i += 2, window += MCU_WS_POSITIONS) {
            for (int32_t p = 0; p < MCU_WS_POSITIONS; p++) {
                const int16_t *const at = from + p * (of->step / 2) + i;
                window[p] = (i + 1 < of->taps) ? mcu_lanes(at[0], at[1]) : at[0];
            }
        }
        from += of->taps + of->gap / 2;
    }
}

static inline void mcu_ws_copy(int32_t *to, const int16_t *from, const mcu_ws_part *of) {
    for (int32_t row = 0; row < of->rows; row++) {
        const int32_t end = of->odd + of->taps;
        for (int32_t i = of->odd; i < end; i++, from++) {
            mcu_store_lane(to + i / 2 * MCU_WS_POSITIONS, (uint32_t)i % 2U, *from);
        }
        to += (end + 1) / 2 * MCU_WS_POSITIONS + of->to_gap / 4;
        from += of->gap / 2;
    }
}

#endif

/* ---- the windows */

/// An output position, and its window.
typedef struct {
    const mcu_conv2d_s16_dsp_params *p;
    const int16_t *image; ///< of the batch
    const int16_t *from;  ///< the first row of the image in the window
    int32_t row;
    int32_t column;
    int32_t x;          ///< of the window
    int32_t top;        ///< rows of the window above the image
    int32_t rows;       ///< of the window that lie on the image
    mcu_ws_rows inside; ///< of four windows that do so in whole
} mcu_ws_position;

static void mcu_ws_begin_row(mcu_ws_position *at, int32_t row) {
    const mcu_conv2d_s16_dsp_params *const p = at->p;
    const int32_t y = row * p->stride_h - p->pad_top;
    at->row = row;
    at->column = 0;
    at->x = -p->pad_left;
    at->top = mcu_clamp(-y, 0, p->kernel_h);
    at->rows = mcu_clamp(p->in_h - y, at->top, p->kernel_h) - at->top;
    at->from = at->image + (y + at->top) * p->in_w * p->in_ch;
}

static inline mcu_ws_position mcu_ws_begin(const mcu_conv2d_s16_dsp_params *p,
                                           const int16_t *input) {
    const int32_t length = p->kernel_w * p->in_ch;
    mcu_ws_position at = {.p = p, .image = input};
    at.inside.step = 2 * p->stride_w * p->in_ch;
    at.inside.taps = length;
    at.inside.gap = 2 * (p->in_w * p->in_ch - length);
    at.inside.rows = p->kernel_h;
    mcu_ws_begin_row(&at, 0);
    return at;
}

static void mcu_ws_advance(mcu_ws_position *at, int32_t columns) {
    const mcu_conv2d_s16_dsp_params *const p = at->p;
    at->column += columns;
    at->x += columns * p->stride_w;
    if (at->column == p->out_w) {
        const int32_t row = at->row + 1;
        if (row == p->out_h) {
            at->image += p->in_h * p->in_w * p->in_ch;
        }
        mcu_ws_begin_row(at, (row == p->out_h) ? 0 : row);
    }
}

/// Words of a window.
static inline int32_t mcu_ws_words(const mcu_conv2d_s16_dsp_params *p) {
    return p->kernel_h * ((p->kernel_w * p->in_ch + 1) / 2);
}

static inline void mcu_ws_clear(int32_t *to, int32_t words) {
    for (; words >= 4; words -= 4, to += 4 * MCU_WS_POSITIONS) {
        to[0] = to[MCU_WS_POSITIONS] = to[2 * MCU_WS_POSITIONS] = to[3 * MCU_WS_POSITIONS] = 0;
    }
    for (; words > 0; words--, to += MCU_WS_POSITIONS) {
        *to = 0;
    }
}

/// Fills in the window of a position, a word every four, and goes on to the next one.
static void mcu_ws_gather(int32_t *to, mcu_ws_position *at) {
    const int32_t in_ch = at->p->in_ch;
    const int32_t length = at->inside.taps;
    const int32_t words = (int32_t)((uint32_t)(length + 1) / 2U);
    const int32_t first = in_ch * mcu_clamp(-at->x, 0, at->p->kernel_w); /* taps on the image */
    const int32_t end = in_ch * mcu_clamp(at->p->in_w - at->x, 0, at->p->kernel_w);
    const int32_t first_word = (int32_t)((uint32_t)first / 2U);
    const int32_t last_word = (int32_t)((uint32_t)(end + 1) / 2U);
    const mcu_ws_part of = {
        first & 1,
        end - first,
        at->inside.gap + 2 * (length - end + first),
        4 * MCU_WS_POSITIONS * (words - last_word + first_word),
        at->rows,
    };
    if (of.taps < length || of.rows < at->inside.rows) {
        mcu_ws_clear(to, at->inside.rows * words);
    }
    if (of.taps > 0 && of.rows > 0) {
        mcu_ws_copy(to + (at->top * words + first_word) * MCU_WS_POSITIONS,
                    at->from + at->x * in_ch + first, &of);
    }
    mcu_ws_advance(at, 1);
}

/// Fills in the windows of four positions, and goes on to the next one.
static void mcu_ws_gather_four(int32_t *to, mcu_ws_position *at) {
    const mcu_conv2d_s16_dsp_params *const p = at->p;
    const int32_t last = at->x + (MCU_WS_POSITIONS - 1) * p->stride_w;
    if (at->column + MCU_WS_POSITIONS <= p->out_w && at->rows == p->kernel_h && at->x >= 0 &&
        last + p->kernel_w <= p->in_w) {
        mcu_ws_fill(to, at->from + at->x * p->in_ch, &at->inside);
        mcu_ws_advance(at, MCU_WS_POSITIONS);
    } else {
        for (int32_t i = 0; i < MCU_WS_POSITIONS; i++) {
            mcu_ws_gather(to + i, at);
        }
    }
}

/// All channels of a position, given its window; `words` are those that the stream has.
static inline void mcu_ws_single(const mcu_conv2d_s16_dsp_params *p, const int32_t *window,
                                 int32_t words, int16_t *output) {
    const int32_t size = words + MCU_WS_AROUND;
    const int32_t *const end = p->stream + p->out_ch / MCU_WS_CHANNELS * size;
    const int32_t what = 2 * words + p->is_relu;
    mcu_ws_one(p->stream, end, window, what, output);
    if (p->out_ch % MCU_WS_CHANNELS != 0) {
        mcu_ws_one(end, end + size, window, what, output + p->out_ch - MCU_WS_CHANNELS);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_WINDOWS_S16_DSP_H */
