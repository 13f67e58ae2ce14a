/* mcu_depthwise_conv2d_narrow_s8_dsp.c: depthwise 3x3 convolution on narrow int8 images, stride 1
 * or 2.
 *
 * SMLAD multiplies two taps of one channel, but channels lie side by side in memory. So four
 * channels of an image are sorted first: for each of them a word holds two neighbours of a row, x0
 * and x1, less the input's zero point. A row of three words is a block; wider rows take two blocks:
 *
 *     [row][block][channel][3]
 *
 * Then the core computes a whole row of one channel at a time, from the weights w0 w1 w2 of each
 * row: x0 * w0 + x1 * w1 + x2 * w2       (x0, x1) . (w0, w1) + x2 * w2 x1 * w0 + x2 * w1 + x3 * w2
 * x1 * w0 + (x2, x3) . (w1, w2) Padding to the left and to the right is left out, and so are rows
 * above and below the image. The results go straight to the output.
 *
 * A stream of 8 words per channel holds, with the weights times a factor f:
 *     (w00, w01), (w01, w02), (w10, w11), (w11, w12), (w20, w21), (w21, w22), multiplier, start
 * A result is SSAT(hi(sum * multiplier) >> 10), where the sum begins with `start`: f * bias, and
 * the output's zero point and the rounding in steps of the sum. f, multiplier and start are proved
 * to give the reference's value for all sums that the channel can reach, none of which overflows,
 * when the project is generated.
 *
 * On a Cortex-M4 a row of 6 outputs takes 83 cycles, and to sort a row of 6 pixels 12 each channel.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_narrow_s8_dsp.h"

#include "mcu_dsp.h"
#include "mcu_port.h"

enum { CHANNELS = 4, WORDS = 3, BLOCK = CHANNELS * WORDS, STREAM = 8, SHIFT = 10 };

/* Rows of 4 or 6 pixels, or of one less, to blocks. */
typedef struct {
    int32_t pitch; /* bytes from pixel to pixel */
    int32_t last;  /* bytes to the last pixel; an odd number of pixels is filled up by any */
    int32_t zero;  /* -zero_point in both lanes */
    int32_t rows;
} sort_args;

/* The last of the four channels, in bytes. */
typedef struct {
    int32_t pitch;        /* from result to result */
    const int32_t *last;  /* `row` of the last row, where the row below is missing; elsewhere one
                             word more */
    const int32_t *first; /* above `row` where the row above the first is missing, else below */
    int32_t row_back;     /* from behind the last row to the next channel */
    int32_t back;         /* of results */
    const int32_t *end;   /* `last` of the fourth channel */
} slide_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* Pixels a, b to word `at` of each channel; r5 -zero point, r11 r12 lr change. */
#define PAIR(a, b, at)                                                                             \
    "sxtab16 r11, r5, " a ", ror #8\n sxtab16 r12, r5, " b ", ror #8\n"                            \
    "sxtab16 " a ", r5, " a "\n sxtab16 " b ", r5, " b "\n"                                        \
    "pkhbt lr, " a ", " b ", lsl #16\n pkhtb " b ", " b ", " a ", asr #16\n"                       \
    "str lr, [r1, #" at "]\n str " b ", [r1, #" at "+24]\n"                                        \
    "pkhbt lr, r11, r12, lsl #16\n pkhtb r12, r12, r11, asr #16\n"                                 \
    "str lr, [r1, #" at "+12]\n str r12, [r1, #" at "+36]\n"

/* r0 image, r1 block, r2 r3 r4 one, three pixels and the last one, r6 rows. */
#define SORT(two, three, four, more)                                                               \
    ".syntax unified\n"                                                                            \
    "push {r4-r11, lr}\n ldm r2, {r2, r4, r5, r6}\n add r3, r2, r2, lsl #1\n"                      \
    "1:\n"                                                                                         \
    "ldr r7, [r0]\n ldr r8, [r0, r2]\n ldr r9, [r0, " three "]\n ldr r10, [r0, " four "]\n"        \
    PAIR("r7", "r8", "0") PAIR("r9", "r10", "4") more                                              \
    "add r0, r4\n add r1, #48\n subs r6, #1\n add r0, r2\n bne.w 1b\n"                             \
    "pop {r4-r11, pc}\n"

MCU_ASSEMBLY_FUNCTION
static void sort4(const int8_t *image MCU_UNUSED, int32_t *blocks MCU_UNUSED, const sort_args *args MCU_UNUSED) {
    __asm__(SORT("r2", "r2, lsl #1", "r4", ""));
}

MCU_ASSEMBLY_FUNCTION
static void sort6(const int8_t *image MCU_UNUSED, int32_t *blocks MCU_UNUSED, const sort_args *args MCU_UNUSED) {
    __asm__(SORT("r2", "r2, lsl #1", "r3",
                 "ldr r7, [r0, r2, lsl #2]\n ldr r8, [r0, r4]\n" PAIR("r7", "r8", "8")));
}

/* An output of a row of the kernel, whose weights are r9 (w0, w1) and r10 (w1, w2), added to `from`:
 * without x0; of the words p (x0, x1) and q (x2, .); of (., x0) and (x1, x2); without x2. */
#define NO_FIRST(s, q, from) "smlad " s ", " q ", r10, " from "\n"
#define EVEN(s, p, q, from) "smlad " s ", " p ", r9, " from "\n smlabt " s ", " q ", r10, " s "\n"
#define ODD(s, p, q, from) "smlatb " s ", " p ", r9, " from "\n smlad " s ", " q ", r10, " s "\n"
#define NO_LAST(s, p) "smlad " s ", " p ", r9, " s "\n"
#define NO_LAST_ODD(s, p, q) "smlatb " s ", " p ", r9, " s "\n smlabb " s ", " q ", r10, " s "\n"

/* Where a sum begins: with the start, which the last of them holds, or where it was. */
#define START3(s) "r5"
#define START4(s) "r6"
#define START5(s) "r7"
#define START6(s) "r8"
#define SUM(s) s

#define LOAD2(w, at)                                                                               \
    "ldr r9, [r1, #" w "]\n ldr r10, [r1, #" w "+4]\n"                                             \
    "ldr r11, [r0, #" at "]\n ldr r12, [r0, #" at "+4]\n"
#define LOAD3(w, at) LOAD2(w, at) "ldr lr, [r0, #" at "+8]\n"

/* Of one row of the kernel, its weights at w, the image's row at `at`: all outputs of a row. */
#define THREE(w, at, from)                                                                         \
    LOAD2(w, at)                                                                                   \
    NO_FIRST("r3", "r11", from("r3")) EVEN("r4", "r11", "r12", from("r4"))                         \
    NO_LAST_ODD("r5", "r11", "r12")
#define FOUR(w, at, from)                                                                          \
    LOAD2(w, at)                                                                                   \
    NO_FIRST("r3", "r11", from("r3")) EVEN("r4", "r11", "r12", from("r4"))                         \
    ODD("r5", "r11", "r12", from("r5")) NO_LAST("r6", "r12")
#define FIVE(w, at, from)                                                                          \
    LOAD3(w, at)                                                                                   \
    NO_FIRST("r3", "r11", from("r3")) EVEN("r4", "r11", "r12", from("r4"))                         \
    ODD("r5", "r11", "r12", from("r5")) EVEN("r6", "r12", "lr", from("r6"))                        \
    NO_LAST_ODD("r7", "r12", "lr")
#define SIX(w, at, from)                                                                           \
    LOAD3(w, at)                                                                                   \
    NO_FIRST("r3", "r11", from("r3")) EVEN("r4", "r11", "r12", from("r4"))                         \
    ODD("r5", "r11", "r12", from("r5")) EVEN("r6", "r12", "lr", from("r6"))                        \
    ODD("r7", "r12", "lr", from("r7")) NO_LAST("r8", "lr")
#define HALF3(w, at, from)                                                                         \
    LOAD3(w, at)                                                                                   \
    EVEN("r3", "r11", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4")) NO_LAST("r5", "lr")
#define HALF4(w, at, from)                                                                         \
    LOAD2(w, at) "ldr lr, [r0, #" at "+48]\n"                                                      \
    EVEN("r3", "r11", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                       \
    "ldr r11, [r0, #" at "+52]\n"                                                                  \
    EVEN("r5", "lr", "r11", from("r5")) NO_LAST("r6", "r11")
#define HALF6(w, at, from)                                                                         \
    LOAD3(w, at)                                                                                   \
    EVEN("r3", "r11", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                       \
    "smlad r5, lr, r9, " from("r5") "\n"                                                           \
    "ldr r11, [r0, #" at "+48]\n ldr r12, [r0, #" at "+52]\n ldr lr, [r0, #" at "+56]\n"           \
    "smlabt r5, r11, r10, r5\n"                                                                    \
    EVEN("r6", "r11", "r12", from("r6")) EVEN("r7", "r12", "lr", from("r7")) NO_LAST("r8", "lr")

/* sp: the arguments. Some of them stay in registers where sums leave these free. */
#define PITCH "[sp, #0]"
#define LAST "[sp, #4]"
#define MULTIPLIER "[r1, #24]"
#define LOAD(to, from) "ldr.w " to ", " from "\n"
#define STORE_LAST "str r11, [sp, #4]\n"

#define FINISH(s, multiplier, pitch, add)                                                           \
    "smmul " s ", " s ", " multiplier "\n ssat " s ", #8, " s ", asr #10\n"                       \
    "strb " s ", [r2]\n " add " r2, " pitch "\n"
#define FINISH3(m, p) FINISH("r3", m, p, "add") FINISH("r4", m, p, "add") FINISH("r5", m, p, "add")
#define FINISH4(m, p) FINISH3(m, p) FINISH("r6", m, p, "add")
#define FINISH5(m, p) FINISH4(m, p) FINISH("r7", m, p, "add")
#define FINISH6(m, p) FINISH5(m, p) FINISH("r8", m, p, "add.w")

/* r0 the row that is the middle one of the first window, r1 stream, r2 output, r3-r8 sums. N leaves
 * out the row above, Z the row below. */
#define SLIDE(outputs, start, from, up, down, step, once, each, last, keep_last, finish)           \
    __asm__(".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n ldm r3, {r4-r9}\n push {r4-r9}\n"                                \
            "mov.w r12, r0\n mov r0, r1\n mov r1, r12\n" once                                       \
            "1:\n"                                                                                 \
            "ldr r9, [sp, #8]\n" each "cmp.w r0, r9\n"                                            \
            "2:\n"                                                                                 \
            LOAD(start, "[r1, #28]") outputs("8", "0", from) "bmi.w 3f\n"                          \
            outputs("0", up, SUM) "beq.w 4f\n"                                                     \
            "3:\n" outputs("16", down, SUM)                                                        \
            "4:\n" finish                                                                          \
            "add r0, #" step "\n cmp.w " last ", r0\n bpl.w 2b\n"                                 \
            "ldr r9, [sp, #12]\n ldr r10, [sp, #16]\n ldr r12, [sp, #20]\n"                       \
            "cmp.w " last ", r12\n"                                                                \
            "add r0, r9\n add r2, r10\n add r1, #32\n add " last ", #12\n" keep_last              \
            "bne.w 1b\n"                                                                           \
            "add sp, #24\n pop {r4-r11, pc}\n")

#define SLIDE3(outputs, ...)                                                                       \
    SLIDE(outputs, "r5", START3, __VA_ARGS__, LOAD("r7", PITCH) LOAD("r8", LAST),                  \
          LOAD("r6", MULTIPLIER), "r8", "", FINISH3("r6", "r7"))
#define SLIDE4(outputs, ...)                                                                       \
    SLIDE(outputs, "r6", START4, __VA_ARGS__, LOAD("r7", PITCH) LOAD("r8", LAST), "", "r8", "",    \
          LOAD("r9", MULTIPLIER) FINISH4("r9", "r7"))
#define SLIDE5(outputs, ...)                                                                       \
    SLIDE(outputs, "r7", START5, __VA_ARGS__, LOAD("r8", PITCH), "", "r11", STORE_LAST,            \
          LOAD("r9", MULTIPLIER) LOAD("r11", LAST) FINISH5("r9", "r8"))
#define SLIDE6(outputs, ...)                                                                       \
    SLIDE(outputs, "r8", START6, __VA_ARGS__, "", "", "r11", STORE_LAST,                           \
          LOAD("r9", MULTIPLIER) LOAD("r10", PITCH) LOAD("r11", LAST) FINISH6("r9", "r10"))

#define CORE(name, slide, outputs, up, down, step)                                                 \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const int32_t *stream MCU_UNUSED, const int32_t *row MCU_UNUSED,              \
                     int8_t *output MCU_UNUSED, const slide_args *args MCU_UNUSED) {               \
        slide(outputs, up, down, step);                                                            \
    }

CORE(three, SLIDE3, THREE, "-48", "48", "48")
CORE(four, SLIDE4, FOUR, "-48", "48", "48")
CORE(five, SLIDE5, FIVE, "-48", "48", "48")
CORE(six, SLIDE6, SIX, "-48", "48", "48")
CORE(half_of_6, SLIDE3, HALF3, "-48", "48", "96")
CORE(half_of_8, SLIDE4, HALF4, "-96", "96", "192")
CORE(half_of_12, SLIDE6, HALF6, "-96", "96", "192")

/* clang-format on */

static void slide(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p, const int32_t *stream,
                  const int32_t *row, int8_t *output, const slide_args *args) {
    switch (p->stride * 8 + p->out_w) {
    case 8 + 3:
        three(stream, row, output, args);
        break;
    case 8 + 4:
        four(stream, row, output, args);
        break;
    case 8 + 5:
        five(stream, row, output, args);
        break;
    case 8 + 6:
        six(stream, row, output, args);
        break;
    case 16 + 3:
        half_of_6(stream, row, output, args);
        break;
    case 16 + 4:
        half_of_8(stream, row, output, args);
        break;
    default:
        half_of_12(stream, row, output, args);
        break;
    }
}

#else

static void sort(const int8_t *image, int32_t *blocks, const sort_args *args, int32_t words) {
    for (int32_t row = 0; row < args->rows; row++, blocks += BLOCK) {
        for (int32_t i = 0; i < words * CHANNELS; i++) {
            const int32_t word = i / CHANNELS;
            const int32_t c = i % CHANNELS;
            const int32_t last = (word + 1 < words) ? (2 * word + 1) * args->pitch : args->last;
            const int8_t *const from = image + c;
            const int32_t zero = mcu_lane(args->zero, 0);
            blocks[c * WORDS + word] =
                mcu_lanes(from[2 * word * args->pitch] + zero, from[last] + zero);
        }
        image += args->last + args->pitch;
    }
}

static void sort4(const int8_t *image, int32_t *blocks, const sort_args *args) {
    sort(image, blocks, args, 2);
}

static void sort6(const int8_t *image, int32_t *blocks, const sort_args *args) {
    sort(image, blocks, args, 3);
}

/* Pixel x of a channel. */
static int32_t pixel(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p, const int32_t *row,
                     int32_t x) {
    const int32_t block = (p->in_w <= 6) ? 6 : p->in_w / 2;
    const int32_t in_block = x % block;
    return mcu_lane(row[x / block * BLOCK + in_block / 2], (uint32_t)(in_block % 2));
}

static int32_t row_sum(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p, const int32_t *weights,
                       const int32_t *row, int32_t x) {
    const int32_t first = mcu_lane(weights[0], 0);
    const int32_t last = mcu_lane(weights[1], 1);
    return mcu_lane(weights[0], 1) * pixel(p, row, x) +
           ((x > 0) ? first * pixel(p, row, x - 1) : 0) +
           ((x + 1 < p->in_w) ? last * pixel(p, row, x + 1) : 0);
}

static void slide(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p, const int32_t *stream,
                  const int32_t *row, int8_t *output, const slide_args *args) {
    const int32_t pitch = (p->in_w <= 6) ? BLOCK : 2 * BLOCK;
    const int32_t *last = args->last;
    for (; last <= args->end; last += WORDS, stream += STREAM, row += WORDS) {
        const int32_t *middle = row;
        int8_t *to = output++;
        for (int32_t y = 0; y < p->out_h; y++, middle += p->stride * pitch) {
            for (int32_t x = 0; x < p->out_w; x++, to += args->pitch) {
                const int32_t at = (p->stride == 1) ? x : 2 * x + 1;
                int32_t sum = stream[7] + row_sum(p, stream + 2, middle, at);
                if (middle >= args->first) {
                    sum += row_sum(p, stream, middle - pitch, at);
                }
                if (middle != last) {
                    sum += row_sum(p, stream + 4, middle + pitch, at);
                }
                *to = mcu_ssat8(mcu_smmul(sum, stream[6]) >> SHIFT);
            }
        }
    }
}

#endif

void mcu_depthwise_conv2d_narrow_s8_dsp(const mcu_depthwise_conv2d_narrow_s8_dsp_params *params,
                                        const int8_t *input, int8_t *output, void *scratch) {
    const mcu_depthwise_conv2d_narrow_s8_dsp_params *const p = params;
    int32_t *const blocks = scratch;
    const int32_t parts = (p->in_w <= 6) ? 1 : 2;
    const int32_t width = p->in_w / parts;
    const int32_t row = parts * BLOCK;
    const sort_args sorting = {
        .pitch = p->channels,
        .last = (width - 1) * p->channels,
        .zero = mcu_lanes(-p->input_zero_point, -p->input_zero_point),
        .rows = parts * p->in_h,
    };
    const int32_t *const middle = blocks + (1 - p->pad_top) * row;
    const int32_t *const last =
        middle + (p->out_h - 1) * p->stride * row + ((p->pad_bottom != 0) ? 0 : 1);
    slide_args sliding = {
        .pitch = p->channels,
        .first = blocks + p->pad_top * BLOCK,
        .row_back = 4 * (WORDS - p->out_h * p->stride * row),
        .back = 1 - p->out_h * p->out_w * p->channels,
        .end = last + (CHANNELS - 1) * WORDS,
    };

    for (int32_t n = 0; n < p->batch; n++) {
        const int8_t *const image = input + n * p->in_h * p->in_w * p->channels;
        int8_t *const to = output + n * p->out_h * p->out_w * p->channels;
        for (int32_t channel = 0; channel < p->channels; channel += CHANNELS) {
            /* The last four channels are sorted again where fewer than four are left. */
            const int32_t left = p->channels - channel;
            const int32_t known = (left < CHANNELS) ? CHANNELS - left : 0;
            if (width <= 4) {
                sort4(image + channel - known, blocks, &sorting);
            } else {
                sort6(image + channel - known, blocks, &sorting);
            }
            sliding.last = last + known * WORDS;
            slide(p, p->stream + channel * STREAM, middle + known * WORDS, to + channel, &sliding);
        }
    }
}
