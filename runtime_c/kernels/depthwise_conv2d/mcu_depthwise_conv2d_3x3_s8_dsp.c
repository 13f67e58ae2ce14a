/* mcu_depthwise_conv2d_3x3_s8_dsp.c: depthwise 3x3 on int8, stride 1, strips of two columns.
 *
 * SMLAD multiplies two taps of one channel, but channels lie side by side in memory. So for four
 * channels and a strip of two output columns the four input columns x0 x1 x2 x3 are sorted first:
 * for each input row and channel the lanes E = (x0, x2) and O = (x1, x3). Then, channel by channel,
 * the strip is walked downwards with three output rows in flight:
 *
 *     p += E * (w0, w2) + x1 * w1       two instructions each, 12 for the 18 products of a row;
 *     q += O * (w0, w2) + x2 * w1       a finished pair p, q takes the place of an old E, O
 *
 * and last p and q are requantized. Weights and bias are scaled by 256, so p and q are 256 times
 * the sum: exact while the sum stays below 2^23, which is checked for the actual weights when the
 * project is generated. The input's zero point is folded into the bias. Cycles on a Cortex-M4 for
 * two outputs: 9 to sort, 21 to multiply, 16 to finish.
 *
 * The stream holds for each channel: 256 * (w0, w2) of rows 0, 1, 2; 256 * w1 of rows 0 and 1; of
 * row 2; 256 * bias; multiplier, offset, shift.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_3x3_s8_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_port.h"

enum { ROW = 8, PAIR = 2, CHANNELS = 4, STREAM = 9, BIAS = 5, REQUANTIZATION = 6 }; /* words */

/* Four input columns of four channels, sorted into rows of E, O of each channel. */
typedef struct {
    const int8_t *from; /* x0 of the first row */
    int32_t x1;         /* bytes from x0 */
    int32_t x2;
    int32_t x3;
    int32_t pitch; /* bytes from row to row */
    int32_t *to;
    int32_t *end; /* not equal to `to` */
} sort_args;

/* Two output columns of one channel. */
typedef struct {
    const int32_t *sums; /* p, q of the first row */
    int8_t *output;
    int32_t second; /* bytes from p's output to q's; 0 where there is no q */
    int32_t pitch;
    int32_t rows; /* 1 or more */
} finish_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* r0-r3 first column and offsets, r4-r7 channels 0 and 2, r8-r11 channels 1 and 3, lr target. */
#define SORT(a, b, even, odd)                                                                      \
    "pkhbt r12, " a ", " b ", lsl #16\n pkhtb " b ", " b ", " a ", asr #16\n"                      \
    "str r12, [lr, #" even "]\n str " b ", [lr, #" odd "]\n"

MCU_ASSEMBLY_FUNCTION
static void sort(const sort_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldr r4, [r0, #16]\n ldr lr, [r0, #20]\n ldr r5, [r0, #24]\n"
        "push {r4, r5}\n" /* sp: pitch, end */
        "ldm r0, {r0-r3}\n"
        "1:\n"
        "ldr r4, [r0]\n ldr r5, [r0, r1]\n ldr r6, [r0, r2]\n ldr r7, [r0, r3]\n"
        "sxtb16 r8, r4, ror #8\n sxtb16 r9, r5, ror #8\n"
        "sxtb16 r10, r6, ror #8\n sxtb16 r11, r7, ror #8\n"
        "sxtb16 r4, r4\n sxtb16 r5, r5\n sxtb16 r6, r6\n sxtb16 r7, r7\n"
        SORT("r4", "r6", "0", "16") SORT("r5", "r7", "4", "20")
        SORT("r8", "r10", "8", "24") SORT("r9", "r11", "12", "28")
        "ldr r4, [sp, #0]\n ldr r5, [sp, #4]\n"
        "add lr, #32\n add r0, r4\n cmp lr, r5\n bne.w 1b\n"
        "add sp, #8\n"
        "pop {r4-r11, pc}\n");
}

/* One input row at offset `at` of r0: begins p0 q0, goes on with p1 q1, ends p2 q2, which go to the
 * row two before. r7-r9 outer weights of the three rows, r10 r11 middle ones, r12 E, lr O. */
#define INPUT_ROW(at, before, p0, q0, p1, q1, p2, q2)                                              \
    "ldr r12, [r0, #" at "]\n ldr lr, [r0, #" at " + 4]\n"                                         \
    "ldr " p0 ", [sp, #4]\n ldr " q0 ", [sp, #4]\n"                                                \
    "smlad " p2 ", r12, r9, " p2 "\n smlad " q2 ", lr, r9, " q2 "\n"                               \
    "smlabb " p2 ", lr, r11, " p2 "\n smlatb " q2 ", r12, r11, " q2 "\n"                           \
    "smlad " p1 ", r12, r8, " p1 "\n smlad " q1 ", lr, r8, " q1 "\n"                               \
    "smlabt " p1 ", lr, r10, " p1 "\n smlatt " q1 ", r12, r10, " q1 "\n"                           \
    "smlad " p0 ", r12, r7, " p0 "\n smlad " q0 ", lr, r7, " q0 "\n"                               \
    "smlabb " p0 ", lr, r10, " p0 "\n smlatb " q0 ", r12, r10, " q0 "\n"                           \
    "str " p2 ", [r0, #" before "]\n str " q2 ", [r0, #" before " + 4]\n"

MCU_ASSEMBLY_FUNCTION
static void multiply(int32_t *rows MCU_UNUSED, const int32_t *stream MCU_UNUSED,
                     const int32_t *end MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldr r3, [r1, #20]\n"
        "push {r2, r3}\n" /* sp: end, bias */
        "ldm r1, {r7-r11}\n"
        "1:\n"
        INPUT_ROW("0", "-64", "r1", "r2", "r5", "r6", "r3", "r4")
        INPUT_ROW("32", "-32", "r3", "r4", "r1", "r2", "r5", "r6")
        INPUT_ROW("64", "0", "r5", "r6", "r3", "r4", "r1", "r2")
        "ldr r12, [sp, #0]\n add r0, #96\n cmp r0, r12\n bne.w 1b\n"
        "add sp, #8\n"
        "pop {r4-r11, pc}\n");
}

#define FINISH(requantize)                                                                         \
    "tst r7, #1\n beq 2f\n sub r0, #32\n b 3f\n"                                                   \
    "1:\n add r1, r3\n"                                                                            \
    "2:\n ldr r8, [r0]\n ldr r9, [r0, #4]\n"                                                       \
    requantize                                                                                     \
    "asr r8, r6\n asr r9, r6\n ssat r8, #8, r8\n ssat r9, #8, r9\n"                                \
    "strb r9, [r1, r2]\n strb r8, [r1]\n"                                                          \
    "add r1, r3\n"                                                                                 \
    "3:\n ldr r8, [r0, #32]\n ldr r9, [r0, #36]\n add r0, #64\n subs r7, #2\n"                      \
    requantize                                                                                     \
    "asr r8, r6\n asr r9, r6\n ssat r8, #8, r8\n ssat r9, #8, r9\n"                                \
    "strb r9, [r1, r2]\n strb r8, [r1]\n"                                                          \
    "bgt 1b\n"                                                                                     \
    "pop {r4-r9, pc}\n"

/* r0-r3, r7: the arguments; r4 multiplier, r5 offset, r6 shift; r8, r9: p, q */
MCU_ASSEMBLY_FUNCTION
static void finish_clamped(const finish_args *args MCU_UNUSED, const int32_t *constants MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r9, lr}\n ldm r1, {r4-r6}\n ldr r7, [r0, #16]\n ldm r0, {r0-r3}\n"
        FINISH("smmla r8, r8, r4, r5\n smmla r9, r9, r4, r5\n"));
}

MCU_ASSEMBLY_FUNCTION
static void finish_general(const finish_args *args MCU_UNUSED, const int32_t *constants MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r9, lr}\n ldm r1, {r4-r6}\n ldr r7, [r0, #16]\n ldm r0, {r0-r3}\n"
        FINISH("asr r8, #7\n asr r9, #7\n smmulr r8, r8, r4\n smmulr r9, r9, r4\n"
               "add r8, r8, r8, asr #31\n add r9, r9, r9, asr #31\n add r8, r5\n add r9, r5\n"));
}

/* clang-format on */

#else

static void sort(const sort_args *args) {
    const int8_t *from = args->from;
    for (int32_t *to = args->to; to != args->end; to += ROW, from += args->pitch) {
        for (int32_t c = 0; c < CHANNELS; c++) {
            to[PAIR * c] = mcu_lanes(from[c], from[args->x2 + c]);
            to[PAIR * c + 1] = mcu_lanes(from[args->x1 + c], from[args->x3 + c]);
        }
    }
}

/* An input row's part of p and q: outer weights, middle weight. */
static void add_row(int32_t sums[2], const int32_t *row, int32_t outer, int32_t middle) {
    const int32_t even = row[0];
    const int32_t odd = row[1];
    const int32_t x1 = (int32_t)((uint32_t)odd & 0xffffU);
    const int32_t x2 = mcu_lane(even, 1);
    sums[0] = mcu_smlad(x1, middle, mcu_smlad(even, outer, sums[0]));
    sums[1] = mcu_smlad((int32_t)((uint32_t)x2 & 0xffffU), middle, mcu_smlad(odd, outer, sums[1]));
}

static void multiply(int32_t *rows, const int32_t *stream, const int32_t *end) {
    const int32_t middle[3] = {mcu_lane(stream[3], 0), mcu_lane(stream[3], 1), stream[4]};
    for (int32_t *row = rows; row + 2 * ROW != end; row += ROW) {
        int32_t sums[2] = {stream[BIAS], stream[BIAS]};
        for (int32_t y = 0; y < 3; y++) {
            add_row(sums, row + y * ROW, stream[y], middle[y]);
        }
        row[0] = sums[0];
        row[1] = sums[1];
    }
}

static int8_t finish(int32_t times_256, const int32_t *constants, int clamped) {
    if (clamped) {
        return mcu_ssat8((mcu_smmul(times_256, constants[0]) + constants[1]) >> constants[2]);
    }
    const int32_t scaled = mcu_smmulr(times_256 >> 7, constants[0]);
    return mcu_ssat8((scaled + (scaled >> 31) + constants[1]) >> constants[2]);
}

static void finish_rows(const finish_args *args, const int32_t *constants, int clamped) {
    for (int32_t y = 0; y < args->rows; y++) {
        int8_t *const to = args->output + y * args->pitch;
        to[args->second] = finish(args->sums[y * ROW + 1], constants, clamped);
        to[0] = finish(args->sums[y * ROW], constants, clamped);
    }
}

static void finish_clamped(const finish_args *args, const int32_t *constants) {
    finish_rows(args, constants, 1);
}

static void finish_general(const finish_args *args, const int32_t *constants) {
    finish_rows(args, constants, 0);
}

#endif

static int32_t *repeat(int32_t *row, int32_t word, int32_t rows) {
    int32_t *const end = row + rows * ROW;
    for (; row != end; row++) {
        *row = word;
    }
    return row;
}

/* Sets input column 0 to 3 of a strip to one value. */
static void replace(int32_t *row, const int32_t *end, int32_t column, int32_t value) {
    const uint32_t lane = (uint32_t)column / 2U;
    for (row += column % 2; row < end; row += ROW) {
        mcu_store_lane(row, lane, value);
        mcu_store_lane(row + PAIR, lane, value);
        mcu_store_lane(row + 2 * PAIR, lane, value);
        mcu_store_lane(row + 3 * PAIR, lane, value);
    }
}

/* Sorts the strip whose input begins at column x, padding included; from image, four channels. */
static void sort_strip(int32_t *rows, const int8_t *image, int32_t x,
                       const mcu_depthwise_conv2d_3x3_s8_dsp_params *p) {
    const int32_t pad = mcu_lanes(p->input_zero_point, p->input_zero_point);
    const int32_t below = p->out_h + 2 - p->pad_top - p->in_h;
    const int32_t inside = p->out_h + 2 - p->pad_top - (below > 0 ? below : 0);
    int32_t columns[4]; /* bytes; a column outside stands for one inside, and is mended below */
    for (int32_t i = 0; i < 4; i++) {
        const int32_t column = x + i;
        columns[i] = ((column < 0) ? 0 : (column < p->in_w) ? column : p->in_w - 1) * p->channels;
    }
    int32_t *const first = repeat(rows, pad, p->pad_top);
    int32_t *const last = first + inside * ROW;
    const sort_args args = {
        .from = image + columns[0],
        .x1 = columns[1] - columns[0],
        .x2 = columns[2] - columns[0],
        .x3 = columns[3] - columns[0],
        .pitch = p->in_w * p->channels,
        .to = first,
        .end = last,
    };
    sort(&args);
    (void)repeat(last, pad, below);
    for (int32_t i = 0; i < 4; i++) {
        if (x + i < 0 || x + i >= p->in_w) {
            replace(first, last, i, p->input_zero_point);
        }
    }
}

void mcu_depthwise_conv2d_3x3_s8_dsp(const mcu_depthwise_conv2d_3x3_s8_dsp_params *params,
                                     const int8_t *input, int8_t *output, void *scratch) {
    const mcu_depthwise_conv2d_3x3_s8_dsp_params *const p = params;
    const int32_t in_size = p->in_h * p->in_w * p->channels;
    const int32_t out_size = p->out_h * p->out_w * p->channels;
    int32_t *const rows = (int32_t *)scratch + 2 * ROW; /* sums of rows that do not exist before */
    const int32_t *const end = rows + (p->out_h + 4) / 3 * 3 * ROW;
    MCU_ASSERT(p->channels % CHANNELS == 0);

    for (int32_t image = 0; image < p->batch; image++) {
        for (int32_t channel = 0; channel < p->channels; channel += CHANNELS) {
            const int8_t *const source = input + image * in_size + channel;
            int8_t *const target = output + image * out_size + channel;
            for (int32_t x = 0; x < p->out_w; x += 2) {
                sort_strip(rows, source, x - p->pad_left, p);
                for (int32_t c = 0; c < CHANNELS; c++) {
                    const int32_t *const stream = p->stream + (channel + c) * STREAM;
                    const finish_args args = {
                        .sums = rows + PAIR * c,
                        .output = target + x * p->channels + c,
                        .second = (x + 1 < p->out_w) ? p->channels : 0,
                        .pitch = p->out_w * p->channels,
                        .rows = p->out_h,
                    };
                    multiply(rows + PAIR * c, stream, end + PAIR * c);
                    if (p->clamped) {
                        finish_clamped(&args, stream + REQUANTIZATION);
                    } else {
                        finish_general(&args, stream + REQUANTIZATION);
                    }
                }
            }
        }
    }
}
