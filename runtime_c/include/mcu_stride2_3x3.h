/* mcu_stride2_3x3.h: depthwise 3x3 convolution with stride 2, straight from the image: what the
 * kernels for each number of channels, MCU_STRIDE2_CHANNELS, have in common.
 *
 * With stride 2 a pixel is read only 2.25 times on average: to copy channels to planes takes longer
 * than to load their pixels byte by byte. The number of channels is the distance of two pixels, an
 * immediate. The core slides down the image in strips of two output columns, one channel after the
 * other; of the five pixels x0 ... x4 in a row of a strip:
 *     (x0, x1) . (w0, w1) + x2 * w2        (x2, x3) . (w0, w1) + x4 * w2
 * An odd row belongs to one row of results; its pixels are used one by one as they come. An even
 * row ends one and begins the next: its pairs are kept. Padding to the right is x4 of the last
 * strip, which has code of its own, padding below is a row in scratch.
 *
 * A stream of 7 words per channel holds, with the weights times a factor f, of each row the pair
 * (a, b) and the third weight c:
 *     (a0, b0), (a1, b1), (a2, b2), (c0, c1), (c2, pitch), multiplier, start
 * `pitch` are the bytes from row to row of the image, twice those of the output. A result is
 * SSAT(hi(sum * multiplier) >> 10), where the sum begins with `start`: f * bias, and the output's
 * zero point and the rounding in steps of the sum. f, multiplier and start are proved to give the
 * reference's value for all sums that the channel can reach, none of which overflows, when the
 * project is generated.
 *
 * On a Cortex-M4 two outputs take 41 cycles, .44 MAC/cycle, and a strip 30 more. Registers: r0
 * image, r1-r3 pixels, r4 r5 sums, r6 output, r7-r11 weights, r12 multiplier, lr start.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_STRIDE2_3X3_H
#define MCU_STRIDE2_3X3_H

#include <stdint.h>
#include <string.h>

#include "mcu_depthwise_conv2d_stride2_s8_dsp.h"
#include "mcu_dsp.h"
#include "mcu_port.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_S2_WORDS = 7, MCU_S2_SHIFT = 10 };

/// How the core walks an image; in bytes.
typedef struct {
    int32_t repeat;      ///< rows of results but the first one
    const int8_t *below; ///< a row of padding
    int32_t zero;        ///< what padding holds
    int32_t channels;
    int32_t checked; ///< the last but two row, from the first
    int32_t inner;   ///< the last strip, from the first
} mcu_s2_strips;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MCU_S2_STRING(x) #x
#define MCU_S2_NUMBER(x) MCU_S2_STRING(x)
#define CHANNELS MCU_S2_NUMBER(MCU_STRIDE2_CHANNELS)

/* sp: the row that is checked, the strip, its output; repeat, below, zero; the last strip; stream,
 * image and output of the next channel; channels left, checked, inner. */
#define ENTER                                                                                      \
    ".syntax unified\n"                                                                            \
    "push {r4-r11, lr}\n ldm r1, {r4-r9}\n sub sp, #52\n"                                          \
    "add r10, sp, #12\n stm r10, {r4-r6}\n add r10, sp, #28\n stm r10!, {r0, r2, r3}\n"            \
    "stm r10, {r7-r9}\n"                                                                           \
    "7:\n add r4, sp, #28\n ldm r4, {r0-r3, r5, r6}\n"                                             \
    "ldm r0!, {r7-r12, lr}\n"                                                                      \
    "add r5, r1\n add r6, r1\n str r5, [sp, #0]\n str r1, [sp, #4]\n str r2, [sp, #8]\n"           \
    "str r6, [sp, #24]\n"                                                                          \
    "str r0, [sp, #28]\n mov r0, r1\n mov r6, r2\n adds r1, #1\n adds r2, #1\n"                    \
    "ldr r3, [sp, #12]\n str r1, [sp, #32]\n str r2, [sp, #36]\n"

#define PIXEL(reg, x) "ldrsb " reg ", [r0, #" CHANNELS "*" x "]\n"
#define INNER(reg) PIXEL(reg, "4")
#define PADDED(reg) "ldr " reg ", [sp, #20]\n"
#define DOWN "add r0, r0, r11, lsr #16\n"
/* Is this the last but two row? */
#define CHECK "ldr r3, [sp, #0]\n cmp r0, r3\n"

/* r1 (x0, x1), r2 (x2, x3), r3 x4. */
#define EVEN(x4)                                                                                   \
    PIXEL("r1", "0") PIXEL("r2", "1") PIXEL("r3", "2") "pkhbt r1, r1, r2, lsl #16\n"               \
    PIXEL("r2", "3") "pkhbt r2, r3, r2, lsl #16\n" x4("r3")
#define BOTH(p0, q0, pair, single)                                                                 \
    "smlad r4, r1, " pair ", " p0 "\n smlad r5, r2, " pair ", " q0 "\n"                            \
    "smlabb r4, r2, " single ", r4\n smlabb r5, r3, " single ", r5\n"
#define BEGIN BOTH("lr", "lr", "r7", "r10")
#define ODD(x4, check)                                                                             \
    PIXEL("r1", "0") PIXEL("r2", "1") PIXEL("r3", "2")                                             \
    "smlabb r4, r1, r8, r4\n smlabt r4, r2, r8, r4\n smlabt r4, r3, r10, r4\n"                     \
    "smlabb r5, r3, r8, r5\n"                                                                      \
    PIXEL("r1", "3") x4("r2") check DOWN                                                           \
    "smlabt r5, r1, r8, r5\n smlabt r5, r2, r10, r5\n"
#define REQUANTIZE(sum)                                                                            \
    "smmul " sum ", " sum ", r12\n ssat " sum ", #8, " sum ", asr #10\n"
#define FINISH                                                                                     \
    BOTH("r4", "r5", "r9", "r11") REQUANTIZE("r4") REQUANTIZE("r5")                                \
    "strb r4, [r6]\n strb r5, [r6, #" CHANNELS "]\n"

#define TOP(x4) EVEN(x4) DOWN BEGIN
#define TWO_ROWS(x4, check) ODD(x4, check) EVEN(x4) DOWN FINISH "add r6, r6, r11, lsr #17\n" BEGIN
#define LAST(x4) ODD(x4, "") "ldr r0, [sp, #16]\n" EVEN(x4) FINISH

/* All strips of all channels. r3, the rows of results but the first, says where the loop of four is
 * entered. */
MCU_ASSEMBLY_FUNCTION
static void mcu_s2_strips_of(const int32_t *stream MCU_UNUSED, const mcu_s2_strips *on MCU_UNUSED,
                             const int8_t *image MCU_UNUSED, int8_t *output MCU_UNUSED) {
    __asm__(ENTER
            "1:\n lsls r3, r3, #31\n" TOP(INNER) "bmi.w 6f\n bcs.w 4f\n"
            ".balign 4\n"
            "2:\n" TWO_ROWS(INNER, "") "3:\n" TWO_ROWS(INNER, "")
            "4:\n" TWO_ROWS(INNER, "") "5:\n" TWO_ROWS(INNER, CHECK) "bne.w 2b\n"
            LAST(INNER)
            "ldr r0, [sp, #4]\n ldr r6, [sp, #8]\n ldr r1, [sp, #0]\n ldr r2, [sp, #24]\n"
            "ldr r3, [sp, #12]\n"
            "add.w r0, r0, #" CHANNELS "*4\n add.w r6, r6, #" CHANNELS "*2\n"
            "add.w r1, r1, #" CHANNELS "*4\n"
            "str r0, [sp, #4]\n str r6, [sp, #8]\n str r1, [sp, #0]\n cmp r0, r2\n bne.w 1b\n"
            TOP(PADDED)
            ".balign 4\n"
            "8:\n" TWO_ROWS(PADDED, CHECK) "bne.w 8b\n"
            LAST(PADDED)
            "ldr r1, [sp, #40]\n subs r1, #1\n str r1, [sp, #40]\n bne.w 7b\n"
            "add sp, #52\n pop {r4-r11, pc}\n"
            "6:\n bcs.w 3b\n b.w 5b\n");
}

/* clang-format on */

#else

static inline int32_t mcu_s2_sum(const int32_t *stream, const mcu_s2_strips *on,
                                 const int8_t *image, int32_t x, int32_t y) {
    const int32_t pitch = (int32_t)((uint32_t)stream[4] >> 16);
    int32_t sum = stream[6];
    for (int32_t row = 0; row < 3; row++) {
        const int32_t third = mcu_lane(stream[row < 2 ? 3 : 4], row == 1 ? 1U : 0U);
        const int32_t weights[3] = {mcu_lane(stream[row], 0), mcu_lane(stream[row], 1), third};
        const int is_below = y == on->repeat && row == 2;
        for (int32_t i = 0; i < 3; i++) {
            const int is_beside =
                i == 2 && 2 * x * MCU_STRIDE2_CHANNELS + 2 * MCU_STRIDE2_CHANNELS == pitch;
            const int32_t at = (2 * y + row) * pitch + (2 * x + i) * MCU_STRIDE2_CHANNELS;
            sum += weights[i] * (is_below || is_beside ? on->zero : image[at]);
        }
    }
    return sum;
}

static inline void mcu_s2_strips_of(const int32_t *stream, const mcu_s2_strips *on,
                                    const int8_t *image, int8_t *output) {
    for (int32_t c = 0; c < on->channels; c++, stream += MCU_S2_WORDS) {
        int8_t *to = output + c;
        for (int32_t y = 0; y <= on->repeat; y++) {
            for (int32_t x = 0; x < on->inner / (2 * MCU_STRIDE2_CHANNELS) + 2; x++) {
                const int32_t sum = mcu_s2_sum(stream, on, image + c, x, y);
                *to = mcu_ssat8(mcu_smmul(sum, stream[5]) >> MCU_S2_SHIFT);
                to += MCU_STRIDE2_CHANNELS;
            }
        }
    }
}

#endif

/// The kernels.
static inline void mcu_stride2_3x3(const mcu_depthwise_conv2d_stride2_s8_dsp_params *p,
                                   const int8_t *input, int8_t *output, void *scratch) {
    const int32_t pitch = p->in_w * MCU_STRIDE2_CHANNELS;
    const mcu_s2_strips on = {
        .repeat = p->in_h / 2 - 1,
        .below = scratch,
        .zero = p->input_zero_point,
        .channels = MCU_STRIDE2_CHANNELS,
        .checked = (p->in_h - 3) * pitch,
        .inner = pitch - 4 * MCU_STRIDE2_CHANNELS,
    };
    (void)memset(scratch, p->input_zero_point, 4 * MCU_STRIDE2_CHANNELS + 1);
    for (int32_t n = 0; n < p->batch; n++) {
        mcu_s2_strips_of(p->stream, &on, input + n * p->in_h * pitch,
                         output + n * p->in_h * pitch / 4);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_STRIDE2_3X3_H */
