/* mcu_few_channels_dsp.h: 3x3 convolution on int8 of C = 1 to 4 input channels, stride 1 or 2 along
 * rows: what the kernels for each C have in common.
 *
 * A step computes four output pixels of a row whose windows lie two input pixels apart: neighbours
 * with stride 2, every other pixel with stride 1. They see three rows of nine pixels, which are
 * widened to int16 on the stack. A word holds two taps: column c of the first two rows, for all 9 C
 * columns, or columns 2 k and 2 k + 1 of the third row. So 27 taps take 14 words, not 15; and the
 * words of a pixel lie 2 C or C behind those of the one before, so that words of the weights share
 * most of what they meet:
 *     weights of column c       meet columns c, c + 2C, c + 4C, c + 6C
 *     weights of column c + 2C  meet the last three of these and c + 8C
 * and in the third row words k and k + C likewise. The words of eight columns lie together, eight
 * of the first two rows, then four of the third row; the core reads them relative to the stack
 * pointer.
 *
 * mcu_four_pixels_dsp.h says the rest. In the stream, words of the first two rows come in the order
 * of columns 0, 2C, 1, 2C + 1, .. C - 1, 3C - 1, then C .. 2C - 1, those of the third row in the
 * order 0, C, 1, C + 1, .., then those that are left. The 27 taps of three channels take 195 cycles
 * on a Cortex-M4, eight columns of the window 42.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FEW_CHANNELS_DSP_H
#define MCU_FEW_CHANNELS_DSP_H

#include <stdint.h>
#include <string.h>

#include "mcu_conv2d_3x3_few_s8_dsp.h"
#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_four_pixels_dsp.h"
#include "mcu_port.h"
#include "mcu_state.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MCU_FEW_ROWS = 3,
    MCU_FEW_APART = 2,   /* pixels of the input from a window to the next */
    MCU_FEW_COLUMNS = 9, /* pixels of the input that a step sees */
    MCU_FEW_MOST = 4     /* input channels */
};

/// What a run of steps reads, and what it writes over padding.
typedef struct {
    const int8_t *rows[MCU_FEW_ROWS]; ///< of the next step
    int32_t next[MCU_FEW_ROWS];       ///< bytes to the step after it, 0 for rows of padding
    int32_t lanes;                    ///< a word of padding
    int32_t right;                    ///< does a window lie outside to the right, or to the left?
} mcu_few_source;

/// The state of mcu_state.h.
typedef struct {
    mcu_four_pixels four;
    mcu_few_source *source;
    int32_t next;    ///< from behind the first pixel of a step to the next step
    int32_t steps;   ///< that are left, 1 or more
    int32_t outside; ///< the number of steps left when a column of the window is padding, or 0
} mcu_few_state;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MCU_FEW_SOURCE "4"
#define MCU_FEW_NEXT "5"
#define MCU_FEW_STEPS "6"
#define MCU_FEW_OUTSIDE "7"

/* ---- filling the window: r0 to, r1 r2 r3 rows, lr rounds */

/* Four columns of two rows a and b, words `at` bytes on; the first of them goes `to`. */
#define MCU_FEW_FOUR(a, b, to, at)                                                                 \
    "pkhbt r10, " a ", " b ", lsl #16\n pkhtb r11, " b ", " a ", asr #16\n"                        \
    "sxtb16 r12, r10, ror #8\n str r12, [r0, #" at "+4]\n"                                         \
    "sxtb16 r12, r11\n str r12, [r0, #" at "+8]\n"                                                 \
    "sxtb16 r11, r11, ror #8\n str r11, [r0, #" at "+12]\n"                                        \
    "sxtb16 r10, r10\n str r10, " to "\n"
/* Four columns of the third row. */
#define MCU_FEW_THIRD(c, at)                                                                       \
    "sxtb16 r10, " c "\n sxtb16 " c ", " c ", ror #8\n"                                            \
    "pkhbt r11, r10, " c ", lsl #16\n str r11, [r0, #" at "]\n"                                    \
    "pkhtb r10, " c ", r10, asr #16\n str r10, [r0, #" at "+4]\n"
/* Eight columns: 42 cycles. */
#define MCU_FEW_EIGHT                                                                              \
    "ldr r4, [r1], #4\n ldr r5, [r2], #4\n ldr r6, [r3], #4\n"                                     \
    "ldr r7, [r1], #4\n ldr r8, [r2], #4\n ldr r9, [r3], #4\n"                                     \
    MCU_FEW_THIRD("r6", "32") MCU_FEW_THIRD("r9", "40") MCU_FEW_FOUR("r7", "r8", "[r0, #16]", "16") \
    MCU_FEW_FOUR("r4", "r5", "[r0], #48", "0")

/* The last C of nine times C columns, taken from the last four. */
#define MCU_FEW_LAST_1                                                                             \
    "pkhtb r5, r5, r4, asr #16\n sxtb16 r5, r5, ror #8\n str r5, [r0]\n"                           \
    "asr r6, r6, #24\n str r6, [r0, #32]\n"
#define MCU_FEW_LAST_2                                                                             \
    "pkhtb r5, r5, r4, asr #16\n sxtb16 r4, r5\n str r4, [r0]\n"                                   \
    "sxtb16 r5, r5, ror #8\n str r5, [r0, #4]\n"                                                   \
    "sxtb16 r10, r6\n sxtb16 r6, r6, ror #8\n pkhtb r6, r6, r10, asr #16\n str r6, [r0, #32]\n"
#define MCU_FEW_LAST_3                                                                             \
    "pkhbt r10, r4, r5, lsl #16\n pkhtb r5, r5, r4, asr #16\n"                                     \
    "sxtb16 r10, r10, ror #8\n str r10, [r0]\n sxtb16 r4, r5\n str r4, [r0, #4]\n"                \
    "sxtb16 r5, r5, ror #8\n str r5, [r0, #8]\n"                                                   \
    "sxtb16 r10, r6\n asr r11, r6, #24\n sxtb16 r6, r6, ror #8\n str r11, [r0, #36]\n"            \
    "pkhbt r6, r6, r10\n str r6, [r0, #32]\n"
#define MCU_FEW_LAST_4 MCU_FEW_THIRD("r6", "32") MCU_FEW_FOUR("r4", "r5", "[r0]", "0")

#define MCU_FEW_FILL(c)                                                                            \
    "mov lr, #" #c "\n"                                                                            \
    ".balign 4\n"                                                                                  \
    "2:\n" MCU_FEW_EIGHT "subs lr, #1\n bne.w 2b\n"                                                \
    "ldr r4, [r1, #" #c "-4]\n ldr r5, [r2, #" #c "-4]\n ldr r6, [r3, #" #c "-4]\n"                \
    MCU_FEW_LAST_##c

/* Where column c and word k of the third row are. */
#define MCU_FEW_C(c) "(" c ") / 8 * 48 + (" c ") % 8 * 4"
#define MCU_FEW_K(k) "(" k ") / 4 * 48 + (" k ") % 4 * 4 + 32"

/* Padding r1 for the last pixel, and for the first. */
#define MCU_FEW_RIGHT(c)                                                                           \
    ".set .Li, 0\n .rept " #c "\n"                                                                 \
    "str r1, [sp, #" MCU_FOUR_PLACE " + " MCU_FEW_C("8 * " #c " + .Li") "]\n"                                           \
    ".set .Li, .Li + 1\n .endr\n .set .Li, 0\n .rept (" #c " + 1) / 2\n"                           \
    "str r1, [sp, #" MCU_FOUR_PLACE " + " MCU_FEW_K("4 * " #c " + .Li") "]\n"                                           \
    ".set .Li, .Li + 1\n .endr\n"
#define MCU_FEW_LEFT(c)                                                                            \
    ".set .Li, 0\n .rept " #c "\n"                                                                 \
    "str r1, [sp, #" MCU_FOUR_PLACE " + " MCU_FEW_C(".Li") "]\n"                                    \
    "strh r1, [sp, #" MCU_FOUR_PLACE " + " MCU_FEW_K("0") " + 2 * .Li]\n"                           \
    ".set .Li, .Li + 1\n .endr\n"

/* ---- sums of four pixels */

/* A word, alone and with the next, which lies a pixel further on. */
#define MCU_FEW_LOAD(at, i, apart)                                                                 \
    MCU_FOUR_W MCU_FOUR_X("r1", at(i)) MCU_FOUR_X("r2", at(i " + " apart))                         \
    MCU_FOUR_X("r3", at(i " + 2 * " apart)) MCU_FOUR_X("r4", at(i " + 3 * " apart))
#define MCU_FEW_ONE(at, i, apart)                                                                  \
    MCU_FEW_LOAD(at, i, apart) MCU_FOUR_GO_ON("r1", "r2", "r3", "r4")
#define MCU_FEW_THEN(at, i, apart) MCU_FOUR_THEN(at(i " + 4 * " apart), "r1", "r2", "r3", "r4")

#define MCU_FEW_SUMS(c)                                                                            \
    MCU_FEW_LOAD(MCU_FEW_C, "0", "2 * " #c) MCU_FOUR_BEGIN("r1", "r2", "r3", "r4")                 \
    MCU_FEW_THEN(MCU_FEW_C, "0", "2 * " #c)                                                        \
    ".set .Li, 1\n .rept " #c " - 1\n"                                                             \
    MCU_FEW_ONE(MCU_FEW_C, ".Li", "2 * " #c) MCU_FEW_THEN(MCU_FEW_C, ".Li", "2 * " #c)             \
    ".set .Li, .Li + 1\n .endr\n .rept " #c "\n"                                                   \
    MCU_FEW_ONE(MCU_FEW_C, ".Li", "2 * " #c)                                                       \
    ".set .Li, .Li + 1\n .endr\n .set .Li, 0\n .rept (" #c " + 1) / 2\n"                           \
    MCU_FEW_ONE(MCU_FEW_K, ".Li", #c) MCU_FEW_THEN(MCU_FEW_K, ".Li", #c)                           \
    ".set .Li, .Li + 1\n .endr\n .rept " #c " / 2\n"                                               \
    MCU_FEW_ONE(MCU_FEW_K, ".Li", #c)                                                              \
    ".set .Li, .Li + 1\n .endr\n"

/* Some steps of a row; `frame` bytes hold the window, 4 more than a multiple of 8. */
#define MCU_FEW_CORE(name, c)                                                                      \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const mcu_few_state *state MCU_UNUSED) {                                      \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n sub sp, #48 * " #c " + 44\n"                                      \
            "mov r1, r0\n"                                                                         \
            MCU_STATE_ENTER                                                                        \
            ".balign 4\n"                                                                          \
            "1:\n"                                                                                 \
            MCU_GET("r0", MCU_FEW_SOURCE)                                                          \
            "ldm r0, {r1-r6}\n"                                                                    \
            "add r4, r1\n add r5, r2\n add r6, r3\n stm r0, {r4-r6}\n"                             \
            "add r0, sp, #" MCU_FOUR_PLACE "\n"                                                    \
            MCU_FEW_FILL(c)                                                                        \
            MCU_GET("r1", MCU_FEW_STEPS) MCU_GET("r2", MCU_FEW_OUTSIDE)                            \
            "cmp r1, r2\n beq.w 4f\n"                                                              \
            "5:\n"                                                                                 \
            MCU_FOUR_CHANNELS(MCU_FEW_SUMS(c))                                                     \
            MCU_GET("r2", MCU_FEW_NEXT) MCU_GET("r3", MCU_FEW_STEPS)                               \
            "add r1, r2\n subs r3, #1\n"                                                           \
            MCU_PUT(MCU_FOUR_OUTPUT, "r1") MCU_PUT(MCU_FEW_STEPS, "r3")                             \
            "bne.w 1b\n"                                                                           \
            MCU_STATE_LEAVE                                                                        \
            "add sp, #48 * " #c " + 44\n pop {r4-r11, pc}\n"                                       \
            "4:\n"                                                                                 \
            MCU_GET("r3", MCU_FEW_SOURCE)                                                          \
            "ldr r1, [r3, #24]\n ldr r2, [r3, #28]\n cbz r2, 6f\n"                                 \
            MCU_FEW_RIGHT(c) "b.w 5b\n 6:\n" MCU_FEW_LEFT(c) "b.w 5b\n");                          \
    }

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */

/* Where column c of the first two rows lies, and word k of the third row. */
static inline int32_t mcu_few_column(int32_t c) { return c / 8 * 12 + c % 8; }
static inline int32_t mcu_few_third(int32_t k) { return k / 4 * 12 + 8 + k % 4; }

/* Puts padding for the last or the first pixel. */
static inline void mcu_few_pad(int32_t *window, const mcu_few_source *from, int32_t channels) {
    const int32_t first = (from->right != 0) ? 8 * channels : 0;
    for (int32_t c = first; c < first + channels; c++) {
        window[mcu_few_column(c)] = from->lanes;
        mcu_store_lane(&window[mcu_few_third(c / 2)], (uint32_t)c % 2U, from->lanes);
    }
}

static inline void mcu_few_fill(int32_t *window, const int8_t *const *rows, int32_t channels) {
    const int32_t columns = MCU_FEW_COLUMNS * channels;
    for (int32_t c = 0; c < columns; c++) {
        window[mcu_few_column(c)] = mcu_lanes(rows[0][c], rows[1][c]);
    }
    for (int32_t c = 0; c < columns; c += 2) { /* a last one has a partner of weight 0 */
        window[mcu_few_third(c / 2)] =
            mcu_lanes(rows[2][c], (c + 1 < columns) ? rows[2][c + 1] : 0);
    }
}

/* Words [0, count) and, in front of the next one, for some of them that `apart` words on. */
static inline const int32_t *mcu_few_words(int32_t *sums, const int32_t *stream,
                                           const int32_t *window, int32_t (*at)(int32_t),
                                           int32_t count, int32_t apart) {
    for (int32_t i = 0; i < apart; i++) {
        for (int32_t word = i; word < count; word += apart) {
            for (int32_t p = 0; p < MCU_FOUR; p++) {
                mcu_four_times(sums, *stream, p, window[at(word + p * apart)]);
            }
            stream++;
        }
    }
    return stream;
}

static inline void mcu_few_core(const mcu_few_state *state, int32_t channels) {
    const mcu_four_pixels *const four = &state->four;
    int8_t *output = four->output;
    for (int32_t left = state->steps; left > 0; left--) {
        mcu_few_source *const from = state->source;
        int32_t window[12 * MCU_FEW_MOST + 10];
        mcu_few_fill(window, from->rows, channels);
        if (left == state->outside) {
            mcu_few_pad(window, from, channels);
        }
        for (int32_t row = 0; row < MCU_FEW_ROWS; row++) {
            from->rows[row] += from->next[row];
        }
        const int32_t *stream = four->stream;
        for (; stream != four->end; output += 2) {
            int32_t sums[MCU_FOUR_SUMS];
            stream = mcu_four_begin(sums, stream);
            stream =
                mcu_few_words(sums, stream, window, mcu_few_column, 3 * channels, 2 * channels);
            stream = mcu_few_words(sums, stream, window, mcu_few_third, (3 * channels + 1) / 2,
                                   channels);
            stream = mcu_four_finish(sums, stream, MCU_FOUR, output, four->pitch);
        }
        output += state->next;
    }
}

#define MCU_FEW_CORE(name, channels)                                                               \
    static void name(const mcu_few_state *state) { mcu_few_core(state, channels); }

#endif

/* ---- rows */

/* What a row of the output sees. */
typedef struct {
    const int8_t *rows[MCU_FEW_ROWS]; /* from their first pixel on, or padding */
    int32_t first;                    /* which of them is the first row of all, or -1 */
    int32_t last;                     /* the last one */
} mcu_few_line;

/* Eight pixels at an end of a row, with room for one that is not in memory in front and behind. */
typedef struct {
    int8_t bytes[(1 + 8 + 1) * MCU_FEW_MOST];
} mcu_few_end;

/* A row, where its pixels from x on are in memory, but for the first one or the last one of nine.
 */
static inline const int8_t *mcu_few_copy(mcu_few_end *end, const int8_t *row, int32_t x,
                                         int32_t channels) {
    int8_t *const to = end->bytes + MCU_FEW_MOST;
    const int8_t *const from = row + ((x < 0) ? 0 : x * channels);
    for (int32_t i = 0; i < 8 * channels; i += 4) {
        mcu_store4(to + i, mcu_load4(from + i));
    }
    return to - ((x < 0) ? channels : 0);
}

/// Prepares `most` steps from a window at column x on, or the first of them that go together.
///
/// A window that lies outside by a column is filled from memory all the same, with a pixel of the
/// row before or behind, and then gets its padding. In front of the first row of all and behind the
/// last one there may be no memory: there such a step is on its own, and reads a copy of that row.
static inline void mcu_few_prepare(mcu_few_state *state, const mcu_few_line *line, mcu_few_end *end,
                                   int32_t x, int32_t in_w, int32_t most, int32_t channels) {
    mcu_few_source *const source = state->source;
    const int right = x + 8 * most >= in_w; /* does the last window lie outside? */
    int32_t copied = -1;
    state->steps = most;
    state->outside = 0;
    source->right = (x < 0) ? 0 : 1;
    if (x < 0) {
        copied = line->first;
        state->steps = (copied >= 0 || right) ? 1 : most;
        state->outside = state->steps;
    } else if (right && line->last >= 0 && most > 1) {
        state->steps = most - 1;
    } else if (right) {
        copied = line->last;
        state->outside = 1;
    }
    for (int32_t i = 0; i < MCU_FEW_ROWS; i++) {
        source->rows[i] = line->rows[i] + ((source->next[i] != 0) ? x * channels : 0);
    }
    if (copied >= 0) {
        source->rows[copied] = mcu_few_copy(end, line->rows[copied], x, channels);
    }
}

/// The kernel, given its core. Steps go along a row, with stride 1 first those of its even pixels,
/// then those of its odd ones; the last step of a row begins again where it ends with the row.
static inline void mcu_few_channels(const mcu_conv2d_3x3_few_s8_dsp_params *p, const int8_t *input,
                                    int8_t *output, int32_t channels,
                                    void (*core)(const mcu_few_state *)) {
    const int32_t apart = MCU_FEW_APART / p->stride_w; /* output pixels of a step */
    const int32_t span = MCU_FOUR * apart;
    const int32_t words = 2 + 3 * channels + (3 * channels + 1) / 2 + MCU_FOUR_CONSTANTS;
    const int32_t pitch = p->in_w * channels;
    const int8_t *const last = input + (p->batch * p->in_h - 1) * pitch;
    int8_t padding[MCU_FEW_COLUMNS * MCU_FEW_MOST];
    mcu_few_end end = {{0}};
    mcu_few_source source = {.lanes = mcu_lanes(p->input_zero_point, p->input_zero_point)};
    mcu_few_state state = {
        .four = {p->stream, p->stream + p->out_ch / 2 * words, output, apart * p->out_ch},
        .source = &source,
        .next = span * p->out_ch - p->out_ch,
    };
    MCU_ASSERT(p->in_w >= 8 && p->out_w >= span && p->out_ch % 2 == 0);
    (void)memset(padding, p->input_zero_point, sizeof padding);
    const int8_t *image = input;
    for (int32_t batch = 0; batch < p->batch; batch++, image += p->in_h * pitch) {
        for (int32_t row = 0; row < p->out_h; row++, output += p->out_w * p->out_ch) {
            const int32_t y = row * p->stride_h - p->pad_top;
            mcu_few_line line = {.first = -1, .last = -1};
            for (int32_t i = 0; i < MCU_FEW_ROWS; i++) {
                const int inside = y + i >= 0 && y + i < p->in_h;
                line.rows[i] = inside ? image + (y + i) * pitch : padding;
                line.first = (line.rows[i] == input) ? i : line.first;
                line.last = (line.rows[i] == last) ? i : line.last;
                source.next[i] = inside ? 8 * channels : 0;
            }
            for (int32_t first = 0; first < apart; first++) {
                for (int32_t at = 0; at < p->out_w; at += span * state.steps) {
                    const int whole = at + span <= p->out_w;
                    const int32_t column = first + (whole ? at : p->out_w - span);
                    mcu_few_prepare(&state, &line, &end, column * p->stride_w - p->pad_left,
                                    p->in_w, whole ? (p->out_w - at) / span : 1, channels);
                    state.four.output = output + column * p->out_ch;
                    core(&state);
                }
            }
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_FEW_CHANNELS_DSP_H */
