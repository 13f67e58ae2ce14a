/* mcu_planes_3x3.h: depthwise 3x3 convolution on planes, stride 1 or 2: what the kernels for any
 * and for one pitch of the planes have in common.
 *
 * Four channels at a time are copied to planes in scratch, with a halo that holds the input's zero
 * point. The core slides down a plane in strips of two output columns and leaves its results in
 * the plane, where the strips to come read no more; then the planes are copied to the output.
 *
 * With stride 1, of four neighbours x0 x1 x2 x3 in a row SXTB16 makes the pairs (x0, x2) and
 * (x1, x3). With the weights w0 w1 w2 of that row, two outputs take four instructions for six
 * products:
 *     (x0, x2) . (w0, w2) + x1 * w1        (x1, x3) . (w0, w2) + x2 * w1
 * With stride 2 the words of a plane hold their pixels in the order x0 x2 x1 x3, so that the pairs
 * are (x0, x1) and (x2, x3); x4 is the first byte of the next word:
 *     (x0, x1) . (w0, w1) + x2 * w2        (x2, x3) . (w0, w1) + x4 * w2
 *
 * A stream of 7 words per output channel holds, with the weights times a factor f, of each row the
 * pair (a, b) and the third weight c:
 *     (a0, b0), (a1, b1), (a2, b2), (c0, c1), (c2, pitch), multiplier, start
 * A result is SSAT(hi(sum * multiplier) >> 10), where the sum begins with `start`: f * bias, and
 * the output's zero point and the rounding in steps of the sum. f, multiplier and start are proved
 * to give the reference's value for all sums that the channel can reach, none of which overflows,
 * when the project is generated.
 *
 * MCU_PLANES_PITCH is a string: the bytes from row to row of a plane, as an immediate. Where it is
 * not defined the stream holds them, and a register is added for each row.
 *
 * On a Cortex-M4 two outputs take 23.5 cycles with stride 1, 29 with stride 2, and one or three
 * more without MCU_PLANES_PITCH; to copy a byte takes 1.6 to a plane, 1.75 back. With stride 1 a
 * row of the plane ends an output, P, goes on with the next, Q, and begins a third in the registers
 * of P. Registers: r0 plane, r1 r2 pairs, r3-r6 sums, r7-r11 weights, r12 multiplier, lr start.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_PLANES_3X3_H
#define MCU_PLANES_3X3_H

#include <stdint.h>

#include "mcu_depthwise_conv2d_planes_s8_dsp.h"
#include "mcu_dsp.h"
#include "mcu_planes.h"
#include "mcu_port.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_P3_WORDS = 7, MCU_P3_SHIFT = 10 };

/* NEXT is a load or a store, and on to the next row. */
#ifdef MCU_PLANES_PITCH
#define ROW_END            MCU_PLANES_SKIP
#define NEXT(op, reg, row) op " " reg ", [" row "], #" MCU_PLANES_PITCH "\n"
#else
#define ROW_END            MCU_PLANES_GO_ON
#define NEXT(op, reg, row) op " " reg ", [" row "]\n" DOWN(row)
#endif

MCU_PLANES_GATHER4(mcu_p3_copy4, "r8", "r9", 0, ROW_END)
MCU_PLANES_GATHER4(mcu_p3_swap4, "r9", "r8", 1, ROW_END)

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* sp: what mcu_strips says of the strip, but for plane_bytes, and where its results are; then the
 * arguments: stream, strips, plane, planes left. */
#define ENTER                                                                                      \
    ".syntax unified\n"                                                                            \
    "push {r4-r11, lr}\n push {r0-r3}\n sub sp, #20\n"                                             \
    "7:\n ldr r0, [sp, #20]\n ldr r1, [sp, #24]\n ldr r2, [sp, #28]\n"                             \
    "ldm r1!, {r3-r6}\n ldm r0!, {r7-r12, lr}\n"                                                   \
    "add r3, r2\n add r5, r2\n stm sp, {r3-r6}\n str r2, [sp, #16]\n str r0, [sp, #20]\n"          \
    "ldr r1, [r1]\n mov r0, r2\n mov r3, r6\n add r1, r2\n str r1, [sp, #28]\n mov r6, r2\n"

/* All strips. After its first rows, `begin`, a strip goes on with a multiple of four rows and the
 * rest of it, which says where the loop is entered. */
#define STRIPS(columns, begin, begin_odd, row, row_odd, row_check, end)                            \
    "1:\n lsls r3, r3, #31\n bmi.w 6f\n"                                                           \
    begin "bcs.w 4f\n"                                                                             \
    "2:\n" row "3:\n" row_odd "4:\n" row "5:\n" row_check "bne.w 2b\n"                             \
    end                                                                                            \
    "ldr r1, [sp, #4]\n ldr r2, [sp, #8]\n ldr r3, [sp, #12]\n ldr r4, [sp, #0]\n"                 \
    "cmp r0, r2\n add.w r4, #" columns "\n str r4, [sp, #0]\n sub r0, r1\n bne.w 1b\n"             \
    "ldr r1, [sp, #32]\n subs r1, #1\n str r1, [sp, #32]\n bne.w 7b\n"                             \
    "add sp, #36\n pop {r4-r11, pc}\n"                                                             \
    "6:\n" begin_odd "bcs.w 3b\n b.w 5b\n"

#define DOWN(row) "sxtah " row ", " row ", r11, ror #16\n"
#define SPLIT "sxtb16 r1, r2\n sxtb16 r2, r2, ror #8\n"
#define LOAD(check) "ldr r2, [r0]\n" check SPLIT
#define LOAD_NEXT NEXT("ldr", "r2", "r0") SPLIT
/* Is this the row before the strip's end? */
#define CHECK "ldr r1, [sp, #0]\n cmp r0, r1\n"
#define REQUANTIZE(sum)                                                                            \
    "smmul " sum ", " sum ", r12\n ssat " sum ", #8, " sum ", asr #10\n"
#define TWO_BYTES(p, q) REQUANTIZE(p) REQUANTIZE(q) "bfi " p ", " q ", #8, #24\n"

/* Stride 1, p of the left column and q of the right: the weights of a row, `outer` and half `h` of
 * `middle`, are added to p0 and q0. */
#define LEFT(p, p0, outer, middle, h)                                                              \
    "smlad " p ", r1, " outer ", " p0 "\n smlab" h " " p ", r2, " middle ", " p "\n"
#define RIGHT(q, q0, outer, middle, h)                                                             \
    "smlad " q ", r2, " outer ", " q0 "\n smlat" h " " q ", r1, " middle ", " q "\n"
#define FIRST "r7", "r10", "b"
#define SECOND "r8", "r10", "t"
#define THIRD "r9", "r11", "b"
#define ADD(side, ...) side(__VA_ARGS__)

#define BEGIN(p, q) ADD(RIGHT, q, "lr", FIRST) ADD(LEFT, p, "lr", FIRST)
#define CONTINUE(p, q) ADD(LEFT, p, p, SECOND) ADD(RIGHT, q, q, SECOND)
#define FINISH(p, q, check)                                                                        \
    LOAD(check) ADD(LEFT, p, p, THIRD) ADD(RIGHT, q, q, THIRD) TWO_BYTES(p, q)
#define END(p, q) FINISH(p, q, "") "strh " p ", [r0]\n"
#define TWO_ROWS(p, q, r, s)                                                                       \
    LOAD_NEXT BEGIN(p, q) LOAD_NEXT BEGIN(r, s) CONTINUE(p, q)
#define ROW(p, q, r, s, check)                                                                     \
    FINISH(p, q, check) NEXT("strh", p, "r0") BEGIN(p, q) CONTINUE(r, s)

/* Leaves output row y in row y + 2 of the plane. */
MCU_ASSEMBLY_FUNCTION
static void mcu_p3_two_columns(const int32_t *stream MCU_UNUSED, const mcu_strips *on MCU_UNUSED,
    int8_t *plane MCU_UNUSED, int32_t planes MCU_UNUSED) {
    __asm__(ENTER STRIPS("2",
                         TWO_ROWS("r3", "r4", "r5", "r6"), TWO_ROWS("r5", "r6", "r3", "r4"),
                         ROW("r3", "r4", "r5", "r6", ""), ROW("r5", "r6", "r3", "r4", ""),
                         ROW("r5", "r6", "r3", "r4", CHECK), END("r3", "r4")));
}

#define BEGIN1(p) ADD(LEFT, p, "lr", FIRST)
#define CONTINUE1(p) ADD(LEFT, p, p, SECOND)
#define FINISH1(p, check) LOAD(check) ADD(LEFT, p, p, THIRD) REQUANTIZE(p)
#define END1(p) FINISH1(p, "") "strb " p ", [r0]\n"
#define TWO_ROWS1(p, r) LOAD_NEXT BEGIN1(p) LOAD_NEXT BEGIN1(r) CONTINUE1(p)
#define ROW1(p, r, check) FINISH1(p, check) NEXT("strb", p, "r0") BEGIN1(p) CONTINUE1(r)

/* The last one of an odd number of columns. */
MCU_ASSEMBLY_FUNCTION
static void mcu_p3_one_column(const int32_t *stream MCU_UNUSED, const mcu_strips *on MCU_UNUSED,
    int8_t *plane MCU_UNUSED, int32_t planes MCU_UNUSED) {
    __asm__(ENTER STRIPS("1", TWO_ROWS1("r3", "r5"), TWO_ROWS1("r5", "r3"),
                         ROW1("r3", "r5", ""), ROW1("r5", "r3", ""),
                         ROW1("r5", "r3", CHECK), END1("r3")));
}

/* Stride 2, where the words hold x0 x2 x1 x3: r1 is (x0, x1), r2 (x2, x3), and r3 x4. r4 takes
 * x0 x1 x2, r5 takes x2 x3 x4; r6 is where the results go. */
#define LOAD5(end, check)                                                                          \
    end "ldrsb r3, [r0, #4]\n" NEXT("ldr", "r2", "r0") check SPLIT
#define BOTH(p0, q0, pair, single, h)                                                              \
    "smlad r4, r1, " pair ", " p0 "\n smlad r5, r2, " pair ", " q0 "\n"                            \
    "smlab" h " r4, r2, " single ", r4\n smlab" h " r5, r3, " single ", r5\n"
#define BEGIN2 ADD(BOTH, "lr", "lr", FIRST)
#define END2(end, check)                                                                           \
    LOAD5("", "") ADD(BOTH, "r4", "r5", SECOND)                                                    \
    LOAD5(end, check) ADD(BOTH, "r4", "r5", THIRD)                                                 \
    TWO_BYTES("r4", "r5") NEXT("strh", "r4", "r6")
#define ROW2(end, check) END2(end, check) BEGIN2
#define TOP2 LOAD5("", "") BEGIN2
#define LAST2                                                                                      \
    END2("", "")                                                                                   \
    "ldr r6, [sp, #16]\n ldr r0, [sp, #0]\n add r6, #2\n str r6, [sp, #16]\n"

/* Leaves output row y in row y of the plane. */
MCU_ASSEMBLY_FUNCTION
static void mcu_p3_two_columns_stride2(
    const int32_t *stream MCU_UNUSED, const mcu_strips *on MCU_UNUSED,
    int8_t *plane MCU_UNUSED, int32_t planes MCU_UNUSED) {
    __asm__(ENTER STRIPS("4", TOP2, TOP2,
                                        ROW2("", ""), ROW2("", ""),
                                        ROW2("ldr r1, [sp, #0]\n", "cmp r0, r1\n"), LAST2));
}

/* clang-format on */

#else

/* The byte of a row that holds a column; `swapped` for the order 0 2 1 3 in each word. */
static inline int32_t mcu_p3_byte_of(int32_t column, int32_t swapped) {
    const int32_t order = (column & 1) * 2 + (column >> 1 & 1);
    return swapped ? column - column % 4 + order : column;
}

/* Neighbouring outputs, whose windows begin at a column of a row. */
static inline void mcu_p3_slide(const int32_t *stream, const int8_t *from, int32_t column,
                                int8_t *to, int32_t columns, int32_t stride) {
    const int32_t pitch = mcu_lane(stream[4], 1);
    const int32_t swapped = stride == 2;
    const int32_t second = 3 - stride; /* the other tap of the pair; the third is alone */
    for (int32_t i = 0; i < columns; i++, column += stride) {
        int32_t sum = stream[6];
        for (int32_t row = 0; row < 3; row++) {
            const int8_t *const x = from + row * pitch;
            const int32_t weight = mcu_lane(stream[row < 2 ? 3 : 4], row == 1 ? 1U : 0U);
            sum += x[mcu_p3_byte_of(column, swapped)] * mcu_lane(stream[row], 0);
            sum += x[mcu_p3_byte_of(column + second, swapped)] * mcu_lane(stream[row], 1);
            sum += x[mcu_p3_byte_of(column + stride, swapped)] * weight;
        }
        to[i] = mcu_ssat8(mcu_smmul(sum, stream[5]) >> MCU_P3_SHIFT);
    }
}

/* The cores in C, for machines without these instructions. Results land where no later window lies:
 * for stride 1 that takes the rows from below. */
static inline void mcu_p3_slide_up(const int32_t *stream, const mcu_strips *on, int8_t *plane,
                                   int32_t columns) {
    const int32_t pitch = mcu_lane(stream[4], 1);
    for (int32_t end = on->checked + pitch; end <= on->last; end += columns) {
        for (int32_t y = 0; y <= on->repeat; y++) {
            int8_t *const to = plane + end - y * pitch;
            mcu_p3_slide(stream, to - 2 * pitch, 0, to, columns, 1);
        }
    }
}

static inline void mcu_p3_two_columns(const int32_t *stream, const mcu_strips *on, int8_t *plane,
                                      int32_t planes) {
    for (; planes > 0; planes--, stream += MCU_P3_WORDS, plane += on->plane_bytes) {
        mcu_p3_slide_up(stream, on, plane, 2);
    }
}

static inline void mcu_p3_one_column(const int32_t *stream, const mcu_strips *on, int8_t *plane,
                                     int32_t planes) {
    for (; planes > 0; planes--, stream += MCU_P3_WORDS, plane += on->plane_bytes) {
        mcu_p3_slide_up(stream, on, plane, 1);
    }
}

static inline void mcu_p3_two_columns_stride2(const int32_t *stream, const mcu_strips *on,
                                              int8_t *plane, int32_t planes) {
    for (; planes > 0; planes--, stream += MCU_P3_WORDS, plane += on->plane_bytes) {
        const int32_t pitch = mcu_lane(stream[4], 1);
        for (int32_t column = 0; on->checked + 2 * column <= on->last; column += 2) {
            for (int32_t y = 0; y <= on->repeat; y++) {
                mcu_p3_slide(stream, plane + 2 * y * pitch, 2 * column, plane + y * pitch + column,
                             2, 2);
            }
        }
    }
}

#endif

/* The output channels [channel, channel + count) of an image; count is 4 or 1. */
static inline void mcu_p3_convolve(const mcu_depthwise_conv2d_planes_s8_dsp_params *p,
                                   const int8_t *image, int8_t *output, int32_t channel,
                                   int32_t count, int8_t *planes) {
    const int32_t *const stream = p->stream + channel * MCU_P3_WORDS;
    const int32_t is_two = p->stride == 2;
    if (!mcu_planes_are_four(&p->filling, count, p->multiplier)) {
        mcu_planes_gather_by_one(image, planes, &p->filling, channel, count, p->multiplier, is_two);
    } else if (is_two) {
        mcu_p3_swap4(image + channel, planes, &p->filling);
    } else {
        mcu_p3_copy4(image + channel, planes, &p->filling);
    }
    if (is_two) {
        mcu_p3_two_columns_stride2(stream, &p->two, planes, count);
    } else if (p->results.width > 1) {
        mcu_p3_two_columns(stream, &p->two, planes, count);
    }
    if (!is_two && (p->results.width & 1) != 0) {
        mcu_p3_one_column(stream, &p->one, planes + p->results.width - 1, count);
    }
    mcu_planes_scatter(output, planes + (is_two ? 0 : 2 * p->results.pitch), &p->results,
                       p->filling.plane_bytes, channel, count);
}

/// The kernels.
static inline void mcu_planes_3x3(const mcu_depthwise_conv2d_planes_s8_dsp_params *p,
                                  const int8_t *input, int8_t *output, void *scratch) {
    for (int32_t n = 0; n < p->batch; n++) {
        const int8_t *const image = input + n * p->in_bytes;
        int8_t *const to = output + n * p->out_bytes;
        int32_t count;
        for (int32_t channel = 0; channel < p->out_ch; channel += count) {
            count = (channel + MCU_PLANES <= p->out_ch) ? MCU_PLANES : 1;
            mcu_p3_convolve(p, image, to, channel, count, scratch);
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_PLANES_3X3_H */
