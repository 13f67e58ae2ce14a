/* mcu_narrow.h: what the depthwise 3x3 kernels for narrow images share.
 *
 * SMLAD multiplies two taps of one channel, but channels lie side by side in memory. So four
 * channels of an image are sorted first: for each of them a word holds two neighbours of a row, x0
 * and x1, less the input's zero point. Three words of each channel are a block; a row takes one to
 * three blocks:
 *
 *     [row][block][channel][3]
 *
 * Then a core computes a whole row of one channel at a time, from the weights w0 w1 w2 of each row:
 *     x0 * w0 + x1 * w1 + x2 * w2       (x0, x1) . (w0, w1) + x2 * w2
 *     x1 * w0 + x2 * w1 + x3 * w2       x1 * w0 + (x2, x3) . (w1, w2)
 * Padding to the left and to the right is left out, and so are rows above and below the image. The
 * results go straight to the output.
 *
 * A stream of 8 words per channel holds, with the weights times a factor f:
 *     (w00, w01), (w01, w02), (w10, w11), (w11, w12), (w20, w21), (w21, w22), multiplier, start
 * A result is SSAT(hi(sum * multiplier) >> 10), where the sum begins with `start`: f * bias, and
 * the output's zero point and the rounding in steps of the sum. f, multiplier and start are proved
 * to give the reference's value for all sums that the channel can reach, none of which overflows,
 * when the project is generated.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_NARROW_H
#define MCU_NARROW_H

#include <stdint.h>

#include "mcu_depthwise_conv2d_narrow_s8_dsp.h"
#include "mcu_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_NARROW = 4, MCU_NARROW_WORDS = 3, MCU_NARROW_BLOCK = 12, MCU_NARROW_STREAM = 8 };

/// Rows of 4 or 6 pixels, or of one less, to blocks; in bytes.
typedef struct {
    int32_t pitch; ///< from pixel to pixel
    int32_t last;  ///< to the last pixel; an odd number of pixels is filled up by any
    int32_t zero;  ///< -zero_point in both lanes
    int32_t rows;  ///< (rows - 1) << 16, and from block to block
    int32_t row;   ///< from row to row
} mcu_narrow_sort;

/// The last of the four channels, in bytes.
typedef struct {
    int32_t pitch;        ///< from result to result
    const int32_t *last;  ///< the middle row of the last window, where the row below is missing;
                          ///< elsewhere one word more
    const int32_t *first; ///< above the middle row of the first window where the row above is
                          ///< missing, else below
    int32_t row_back;     ///< from behind the last row to the next channel
    int32_t back;         ///< of results
    const int32_t *end;   ///< `last` of the fourth channel
} mcu_narrow_slide;

/// The number of blocks of a row.
static inline int32_t mcu_narrow_blocks(int32_t in_w) {
    return (in_w <= 6) ? 1 : (in_w <= 12) ? 2 : 3;
}

/// The pixels of each block but the last one of 7 or 14, which holds the last four of the row.
static inline int32_t mcu_narrow_pixels(int32_t in_w) {
    return (in_w == 8) ? 4 : (in_w <= 6) ? in_w : 6;
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* Pixels a, b to word `at` of each channel; r5 -zero point, r11 r12 lr change. */
#define MCU_NARROW_PAIR(a, b, at)                                                                  \
    "sxtab16 r11, r5, " a ", ror #8\n sxtab16 r12, r5, " b ", ror #8\n"                            \
    "sxtab16 " a ", r5, " a "\n sxtab16 " b ", r5, " b "\n"                                        \
    "pkhbt lr, " a ", " b ", lsl #16\n pkhtb " b ", " b ", " a ", asr #16\n"                       \
    "str lr, [r1, #" at "]\n str " b ", [r1, #" at "+24]\n"                                        \
    "pkhbt lr, r11, r12, lsl #16\n pkhtb r12, r12, r11, asr #16\n"                                 \
    "str lr, [r1, #" at "+12]\n str r12, [r1, #" at "+36]\n"

/* r0 image, r1 block, r2 r4 one pixel and the last one, r6 rows and bytes between blocks. */
#define MCU_NARROW_SORT(four, more, row)                                                           \
    "1:\n"                                                                                         \
    "ldr r7, [r0]\n ldr r8, [r0, r2]\n ldr r9, [r0, r2, lsl #1]\n ldr r10, [r0, " four "]\n"       \
    MCU_NARROW_PAIR("r7", "r8", "0") MCU_NARROW_PAIR("r9", "r10", "4") more                        \
    "uxtah r1, r1, r6\n subs r6, #65536\n add.w r0, " row "\n bcs.w 1b\n"

MCU_ASSEMBLY_FUNCTION
static void mcu_narrow_sort4(const int8_t *image MCU_UNUSED, int32_t *blocks MCU_UNUSED, const mcu_narrow_sort *args MCU_UNUSED) {
    __asm__(".syntax unified\n push {r4-r11, lr}\n ldr r3, [r2, #16]\n ldm.w r2, {r2, r4, r5, r6}\n"
            MCU_NARROW_SORT("r4", "", "r3")
            "pop {r4-r11, pc}\n");
}

MCU_ASSEMBLY_FUNCTION
static void mcu_narrow_sort6(const int8_t *image MCU_UNUSED, int32_t *blocks MCU_UNUSED, const mcu_narrow_sort *args MCU_UNUSED) {
    __asm__(".syntax unified\n push {r4-r11, lr}\n ldr r3, [r2, #16]\n ldm.w r2, {r2, r4, r5, r6}\n push {r3}\n"
            "add r3, r2, r2, lsl #1\n"
            MCU_NARROW_SORT("r3", "ldr r7, [r0, r2, lsl #2]\n ldr r8, [r0, r4]\n ldr r9, [sp]\n"
                            MCU_NARROW_PAIR("r7", "r8", "8"), "r9")
            "pop {r3-r11, pc}\n");
}

/* An output of a row of the kernel, whose weights are r10 (w0, w1) and r11 (w1, w2), added to `from`:
 * without x0; of the words p (x0, x1) and q (x2, .); of (., x0) and (x1, x2); without x2. */
#define NO_FIRST(s, q, from) "smlad " s ", " q ", r11, " from "\n"
#define EVEN(s, p, q, from) EVEN_P(s, p, from) EVEN_Q(s, q)
#define EVEN_P(s, p, from) "smlad " s ", " p ", r10, " from "\n"
#define EVEN_Q(s, q) "smlabt " s ", " q ", r11, " s "\n"
#define ODD(s, p, q, from) "smlatb " s ", " p ", r10, " from "\n smlad " s ", " q ", r11, " s "\n"
#define NO_LAST(s, p) "smlad " s ", " p ", r10, " s "\n"
#define NO_LAST_ODD(s, p, q) "smlatb " s ", " p ", r10, " s "\n smlabb " s ", " q ", r11, " s "\n"

/* Where a sum begins: with the start, which the last of them holds, or where it was. */
#define START3(s) "r5"
#define START4(s) "r6"
#define START5(s) "r7"
#define START6(s) "r8"
#define START7(s) "r9"
#define SUM(s) s

#define LOAD2(w, at)                                                                               \
    "ldr r10, [r1, #" w "]\n ldr r11, [r1, #" w "+4]\n"                                            \
    "ldr r12, [r0, #" at "]\n ldr lr, [r0, #" at "+4]\n"
#define LOAD3(w, at) LOAD2(w, at) "ldr r9, [r0, #" at "+8]\n"

/* sp: the arguments. Some of them stay in registers where sums leave these free. */
#define PITCH "[sp, #0]"
#define LAST "[sp, #4]"
#define MULTIPLIER "[r1, #24]"
#define LOAD(to, from) "ldr.w " to ", " from "\n"
#define STORE_LAST "str r12, [sp, #4]\n"

/* A result to pixel i of a row, and on behind a row of n. MCU_NARROW_CHANNELS is a string: the
 * distance of pixels, as an immediate. Where it is not defined `pitch` is added for each. */
#ifdef MCU_NARROW_CHANNELS
#define STORE(s, i, pitch, add) "strb " s ", [r2, #" MCU_NARROW_CHANNELS "*" i "]\n"
#define BEHIND(n)               "add.w r2, r2, #" MCU_NARROW_CHANNELS "*" n "\n"
#else
#define STORE(s, i, pitch, add) "strb " s ", [r2]\n " add " r2, " pitch "\n"
#define BEHIND(n)
#endif
#define FINISH(s, i, multiplier, pitch, add)                                                       \
    "smmul " s ", " s ", " multiplier "\n ssat " s ", #8, " s ", asr #10\n" STORE(s, i, pitch, add)
#define FINISH3(m, p)                                                                              \
    FINISH("r3", "0", m, p, "add") FINISH("r4", "1", m, p, "add") FINISH("r5", "2", m, p, "add")
#define FINISH4(m, p) FINISH3(m, p) FINISH("r6", "3", m, p, "add")
#define FINISH5(m, p) FINISH4(m, p) FINISH("r7", "4", m, p, "add")
#define FINISH6(m, p) FINISH5(m, p) FINISH("r8", "5", m, p, "add.w")
#define FINISH7(m, p) FINISH6(m, p) FINISH("r9", "6", m, p, "add.w")

/* r0 the middle row of the first window, r1 stream, r2 output, r3-r9 sums. N leaves out the row
 * above, Z the row below. */
#define SLIDE(outputs, start, from, up, down, step, once, each, last, keep_last, finish)           \
    __asm__(".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n ldm r3, {r4-r9}\n push {r4-r9}\n"                                 \
            "mov.w r12, r0\n mov r0, r1\n mov r1, r12\n" once                                      \
            "1:\n"                                                                                 \
            "ldr r9, [sp, #8]\n" each "cmp.w r0, r9\n"                                             \
            "2:\n"                                                                                 \
            LOAD(start, "[r1, #28]") outputs("8", "0", from) "bmi.w 3f\n"                          \
            outputs("0", up, SUM) "beq.w 4f\n"                                                     \
            "3:\n" outputs("16", down, SUM)                                                        \
            "4:\n" finish                                                                          \
            "add r0, #" step "\n cmp.w " last ", r0\n bpl.w 2b\n"                                  \
            "ldr r9, [sp, #12]\n ldr r10, [sp, #16]\n ldr lr, [sp, #20]\n"                         \
            "cmp.w " last ", lr\n"                                                                 \
            "add r0, r9\n add r2, r10\n add r1, #32\n add " last ", #12\n" keep_last               \
            "bne.w 1b\n"                                                                           \
            "add sp, #24\n pop {r4-r11, pc}\n")

#define SLIDE3(outputs, ...)                                                                       \
    SLIDE(outputs, "r5", START3, __VA_ARGS__, LOAD("r7", PITCH) LOAD("r8", LAST),                  \
          LOAD("r6", MULTIPLIER), "r8", "", FINISH3("r6", "r7") BEHIND("3"))
#ifdef MCU_NARROW_CHANNELS
#define SLIDE4(outputs, ...)                                                                       \
    SLIDE(outputs, "r6", START4, __VA_ARGS__, LOAD("r8", LAST), LOAD("r7", MULTIPLIER), "r8", "",  \
          FINISH4("r7", "") BEHIND("4"))
#define SLIDE5(outputs, ...)                                                                       \
    SLIDE(outputs, "r7", START5, __VA_ARGS__, LOAD("r8", LAST), "", "r8", "",                      \
          LOAD("r10", MULTIPLIER) FINISH5("r10", "") BEHIND("5"))
#define LOAD_PITCH ""
#else
#define SLIDE4(outputs, ...)                                                                       \
    SLIDE(outputs, "r6", START4, __VA_ARGS__, LOAD("r7", PITCH) LOAD("r8", LAST), "", "r8", "",    \
          LOAD("r10", MULTIPLIER) FINISH4("r10", "r7"))
#define SLIDE5(outputs, ...)                                                                       \
    SLIDE(outputs, "r7", START5, __VA_ARGS__, LOAD("r8", PITCH), "", "r12", STORE_LAST,            \
          LOAD("r10", MULTIPLIER) LOAD("r12", LAST) FINISH5("r10", "r8"))
#define LOAD_PITCH LOAD("r11", PITCH)
#endif
#define SLIDE6(outputs, ...) SLIDE6_OF("6", outputs, __VA_ARGS__)
#define SLIDE6_OF(columns, outputs, ...)                                                           \
    SLIDE(outputs, "r8", START6, __VA_ARGS__, "", "", "r12", STORE_LAST,                           \
          LOAD("r10", MULTIPLIER) LOAD_PITCH LOAD("r12", LAST) FINISH6("r10", "r11")               \
              BEHIND(columns))
#define SLIDE7(outputs, ...)                                                                       \
    SLIDE(outputs, "r9", START7, __VA_ARGS__, "", "", "r12", STORE_LAST,                           \
          LOAD("r10", MULTIPLIER) LOAD_PITCH LOAD("r12", LAST) FINISH7("r10", "r11") BEHIND("7"))

#define CORE(name, slide, outputs, up, down, step)                                                 \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const int32_t *stream MCU_UNUSED, const int32_t *row MCU_UNUSED,              \
                     int8_t *output MCU_UNUSED, const mcu_narrow_slide *args MCU_UNUSED) {         \
        slide(outputs, up, down, step);                                                            \
    }

/* clang-format on */
#else

static inline void mcu_narrow_sort_rows(const int8_t *image, int32_t *blocks,
                                        const mcu_narrow_sort *args, int32_t words) {
    const int32_t zero = mcu_lane(args->zero, 0);
    for (int32_t row = args->rows >> 16; row >= 0; row--) {
        for (int32_t i = 0; i < words * MCU_NARROW; i++) {
            const int32_t word = i / MCU_NARROW;
            const int32_t c = i % MCU_NARROW;
            const int32_t last = (word + 1 < words) ? (2 * word + 1) * args->pitch : args->last;
            blocks[c * MCU_NARROW_WORDS + word] =
                mcu_lanes(image[c + 2 * word * args->pitch] + zero, image[c + last] + zero);
        }
        image += args->row;
        blocks += mcu_lane(args->rows, 0) / 4;
    }
}

static inline void mcu_narrow_sort4(const int8_t *image, int32_t *blocks,
                                    const mcu_narrow_sort *args) {
    mcu_narrow_sort_rows(image, blocks, args, 2);
}

static inline void mcu_narrow_sort6(const int8_t *image, int32_t *blocks,
                                    const mcu_narrow_sort *args) {
    mcu_narrow_sort_rows(image, blocks, args, 3);
}

/* Pixel x of a channel. */
static inline int32_t mcu_narrow_pixel(int32_t in_w, const int32_t *row, int32_t x) {
    const int32_t pixels = mcu_narrow_pixels(in_w);
    const int32_t block = x / pixels;
    const int32_t at = x - ((block + 1) * pixels <= in_w ? block * pixels : in_w - 4);
    return mcu_lane(row[block * MCU_NARROW_BLOCK + at / 2], (uint32_t)at % 2U);
}

/* What a row of the kernel adds to the output whose middle pixel is x. */
static inline int32_t mcu_narrow_row(int32_t in_w, const int32_t *weights, const int32_t *row,
                                     int32_t x) {
    int32_t sum = mcu_lane(weights[0], 1) * mcu_narrow_pixel(in_w, row, x);
    if (x > 0) {
        sum += mcu_lane(weights[0], 0) * mcu_narrow_pixel(in_w, row, x - 1);
    }
    if (x + 1 < in_w) {
        sum += mcu_lane(weights[1], 1) * mcu_narrow_pixel(in_w, row, x + 1);
    }
    return sum;
}

static inline void mcu_narrow_slide_rows(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p,
                                         const int32_t *stream, const int32_t *row, int8_t *output,
                                         const mcu_narrow_slide *args, int32_t stride) {
    const int32_t pitch = mcu_narrow_blocks(p->in_w) * MCU_NARROW_BLOCK;
    const int32_t *last = args->last;
    for (; last <= args->end; last += MCU_NARROW_WORDS, row += MCU_NARROW_WORDS) {
        const int32_t *middle = row;
        int8_t *to = output++;
        for (int32_t y = 0; y < p->out_h; y++, middle += stride * pitch) {
            for (int32_t x = stride - 1; x < p->in_w; x += stride, to += args->pitch) {
                int32_t sum = stream[7] + mcu_narrow_row(p->in_w, stream + 2, middle, x);
                if (middle >= args->first) {
                    sum += mcu_narrow_row(p->in_w, stream, middle - pitch, x);
                }
                if (middle != last) {
                    sum += mcu_narrow_row(p->in_w, stream + 4, middle + pitch, x);
                }
                *to = mcu_ssat8(mcu_smmul(sum, stream[6]) >> 10);
            }
        }
        stream += MCU_NARROW_STREAM;
    }
}

#endif

/// How an image is sorted.
typedef struct {
    mcu_narrow_sort sixes; ///< rows of 6 pixels, all blocks of a row, or one where `fours` follow
    mcu_narrow_sort fours; ///< rows of 4 pixels, all blocks of a row, or the last one
    int32_t six_times;     ///< blocks of 6 before the one of 4
    int32_t six;           ///< bytes from one of them to the next in the image
    int32_t last;          ///< bytes to the block of 4 in the image; -1 if there is none
} mcu_narrow_sorting;

/// How the images of a layer are sorted.
static inline mcu_narrow_sorting
mcu_narrow_sorting_of(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p) {
    const int32_t blocks = mcu_narrow_blocks(p->in_w);
    const int32_t pixels = mcu_narrow_pixels(p->in_w);
    const int32_t bytes = 4 * MCU_NARROW_BLOCK;
    const int32_t whole = blocks * pixels == p->in_w;
    const mcu_narrow_sort sort = {
        .pitch = p->channels,
        .last = (pixels - 1) * p->channels,
        .zero = mcu_lanes(-p->input_zero_point, -p->input_zero_point),
        .rows =
            whole ? mcu_lanes(bytes, blocks * p->in_h - 1) : mcu_lanes(blocks * bytes, p->in_h - 1),
        .row = (whole ? pixels : p->in_w) * p->channels,
    };
    mcu_narrow_sorting sorting = {
        .sixes = sort,
        .fours = sort,
        .six_times = (pixels <= 4) ? 0
                     : whole       ? 1
                                   : blocks - 1,
        .six = pixels * p->channels,
        .last = (pixels <= 4) ? 0
                : whole       ? -1
                              : (p->in_w - 4) * p->channels,
    };
    if (!whole) {
        sorting.fours.last = 3 * p->channels;
    }
    return sorting;
}

/// Four channels of an image to blocks.
static inline void mcu_narrow_sort_image(const mcu_narrow_sorting *sorting, const int8_t *image,
                                         int32_t *blocks) {
    for (int32_t block = 0; block < sorting->six_times; block++) {
        mcu_narrow_sort6(image + block * sorting->six, blocks + block * MCU_NARROW_BLOCK,
                         &sorting->sixes);
    }
    if (sorting->last >= 0) {
        mcu_narrow_sort4(image + sorting->last, blocks + sorting->six_times * MCU_NARROW_BLOCK,
                         &sorting->fours);
    }
}

/// The arguments of a core for all four channels, and the middle row of the first window.
static inline mcu_narrow_slide mcu_narrow_begin(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p,
                                                const int32_t *blocks, int32_t stride,
                                                const int32_t **middle) {
    const int32_t row = mcu_narrow_blocks(p->in_w) * MCU_NARROW_BLOCK;
    const int32_t *const first = blocks + (1 - p->pad_top) * row;
    const int32_t *const last =
        first + (p->out_h - 1) * stride * row + ((p->pad_bottom != 0) ? 0 : 1);
    const mcu_narrow_slide args = {
        .pitch = p->channels,
        .last = last,
        .first = blocks + p->pad_top * MCU_NARROW_BLOCK,
        .row_back = 4 * (MCU_NARROW_WORDS - p->out_h * stride * row),
        .back = 1 - p->out_h * p->out_w * p->channels,
        .end = last + (MCU_NARROW - 1) * MCU_NARROW_WORDS,
    };
    *middle = first;
    return args;
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_NARROW_H */
