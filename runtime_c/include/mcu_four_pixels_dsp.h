/* mcu_four_pixels_dsp.h: two output channels of four pixels at a time, what cores with all of their
 * products in a row have in common. Pixels of the input lie on the stack, as int16, two taps in a
 * word, and are read relative to the stack pointer: that saves a register for their address.
 *
 * Two output channels A and B share a weight word: its lanes hold 256 * wA + wB for two taps.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias.
 *
 * Requantization: SSAT(hi((256 * S + extra) * multiplier) >> 12), which is proved to give the
 * reference's value for all sums that each channel can reach. The extra of A is in its bias.
 *
 * The stream holds, for each two output channels A and B, in the order of reading:
 *     256 * bias_A + extra_A + bias_B, bias_B
 *     lanes of A and B for pairs of taps, in the order of a kernel
 *     multiplier_A, multiplier_B, extra_B
 *
 * On a Cortex-M4 a word of the weights with that of each pixel takes 5 loads (6 cycles), 8 SMLAD
 * and a SXTB16: 15 cycles for 16 products, or 12 where the next word meets three of the same and
 * one more. What is around the words takes 48. Registers: r0 stream, r1-r4 pixels, lr weights,
 * r5-r8 sums of A, r9-r12 sums of B. SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FOUR_PIXELS_DSP_H
#define MCU_FOUR_PIXELS_DSP_H

#include <stdint.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_state.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_FOUR = 4, MCU_FOUR_SUMS = 2 * MCU_FOUR, MCU_FOUR_CONSTANTS = 3, MCU_FOUR_SHIFT = 12 };

/// Where a core begins: the first words of the state of mcu_state.h.
typedef struct {
    const int32_t *stream;
    const int32_t *end; ///< of the stream
    int8_t *output;     ///< of the first pixel
    int32_t pitch;      ///< from a pixel to the next, in bytes
} mcu_four_pixels;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MCU_FOUR_STREAM "0"
#define MCU_FOUR_END "1"
#define MCU_FOUR_OUTPUT "2"
#define MCU_FOUR_PITCH "3"

/* Where the pixels lie: behind the state, if that is on the stack. */
#if defined(__ARM_FP)
#define MCU_FOUR_PLACE "0"
#else
#define MCU_FOUR_PLACE "32"
#endif

#define MCU_FOUR_X(reg, at) "ldr " reg ", [sp, #" MCU_FOUR_PLACE " + " at "]\n"
#define MCU_FOUR_W "ldr lr, [r0], #4\n"
#define MCU_FOUR_ADD(sum, x, to) "smlad " sum ", lr, " x ", " to "\n"
#define MCU_FOUR_TIMES(x0, x1, x2, x3, a1, a2, a3, b1, b2, b3)                                     \
    MCU_FOUR_ADD("r6", x1, a1) MCU_FOUR_ADD("r7", x2, a2) MCU_FOUR_ADD("r8", x3, a3)               \
    MCU_FOUR_ADD("r5", x0, "r5") "sxtb16 lr, lr\n"                                                 \
    MCU_FOUR_ADD("r10", x1, b1) MCU_FOUR_ADD("r11", x2, b2) MCU_FOUR_ADD("r12", x3, b3)            \
    MCU_FOUR_ADD("r9", x0, "r9")

/* The first word: the sums begin with the biases. */
#define MCU_FOUR_BEGIN(x0, x1, x2, x3)                                                             \
    MCU_FOUR_TIMES(x0, x1, x2, x3, "r5", "r5", "r5", "r9", "r9", "r9")
#define MCU_FOUR_GO_ON(x0, x1, x2, x3)                                                             \
    MCU_FOUR_TIMES(x0, x1, x2, x3, "r6", "r7", "r8", "r10", "r11", "r12")
/* The next word, that meets x1 to x3 and the word at `at`, which takes the place of x0. */
#define MCU_FOUR_THEN(at, x0, x1, x2, x3)                                                          \
    MCU_FOUR_W MCU_FOUR_X(x0, at) MCU_FOUR_GO_ON(x1, x2, x3, x0)

#define MCU_FOUR_EACH(op, p, q, r, s) op(p) op(q) op(r) op(s)
#define MCU_FOUR_A(sum) "smmul " sum ", " sum ", r1\n ssat " sum ", #8, " sum ", asr #12\n"
#define MCU_FOUR_B(sum)                                                                            \
    "add " sum ", r3, " sum ", lsl #8\n smmul " sum ", " sum ", r2\n"                              \
    "ssat " sum ", #8, " sum ", asr #12\n"

/* All pairs of channels, given the code for the sums of one; r1 is then behind the outputs of the
 * first pixel. */
#define MCU_FOUR_CHANNELS(sums)                                                                    \
    MCU_GET("r0", MCU_FOUR_STREAM)                                                                 \
    ".balign 4\n"                                                                                  \
    "3:\n"                                                                                         \
    "ldr r5, [r0], #4\n ldr r9, [r0], #4\n"                                                        \
    sums                                                                                           \
    "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                     \
    "sub r5, r9\n sub r6, r10\n sub r7, r11\n sub r8, r12\n"                                       \
    MCU_FOUR_EACH(MCU_FOUR_A, "r5", "r6", "r7", "r8")                                              \
    MCU_FOUR_EACH(MCU_FOUR_B, "r9", "r10", "r11", "r12")                                           \
    MCU_GET("r2", MCU_FOUR_PITCH) MCU_GET("r1", MCU_FOUR_OUTPUT)                                   \
    "bfi r5, r9, #8, #24\n bfi r6, r10, #8, #24\n"                                                 \
    "add r3, r1, r2\n bfi r7, r11, #8, #24\n add r4, r3, r2\n bfi r8, r12, #8, #24\n"              \
    "strh r5, [r1], #2\n strh r6, [r3]\n add r3, r4, r2\n strh r7, [r4]\n strh r8, [r3]\n"         \
    MCU_PUT(MCU_FOUR_OUTPUT, "r1") MCU_GET("r2", MCU_FOUR_END)                                     \
    "cmp r0, r2\n bne.w 3b\n"

/* clang-format on */

#else

/* The same in C, for machines without these instructions. `sums` are those of A, then those of B.
 */

static inline const int32_t *mcu_four_begin(int32_t *sums, const int32_t *stream) {
    for (int32_t p = 0; p < MCU_FOUR_SUMS; p++) {
        sums[p] = stream[p / MCU_FOUR];
    }
    return stream + 2;
}

static inline void mcu_four_times(int32_t *sums, int32_t weights, int32_t pixel, int32_t x) {
    int32_t *const b = &sums[MCU_FOUR + pixel];
    sums[pixel] = mcu_smlad(weights, x, sums[pixel]);
    *b = mcu_smlad(mcu_sxtb16(weights), x, *b);
}

static inline const int32_t *mcu_four_finish(const int32_t *sums, const int32_t *constants,
                                             int32_t pixels, int8_t *output, int32_t pitch) {
    for (int32_t p = 0; p < pixels; p++) {
        const int32_t times_256 = mcu_shift_left(sums[MCU_FOUR + p], 8) + constants[2];
        const int32_t a = mcu_smmul(mcu_sub_wrap(sums[p], sums[MCU_FOUR + p]), constants[0]);
        int8_t *const to = output + p * pitch;
        to[0] = mcu_ssat8(a >> MCU_FOUR_SHIFT);
        to[1] = mcu_ssat8(mcu_smmul(times_256, constants[1]) >> MCU_FOUR_SHIFT);
    }
    return constants + MCU_FOUR_CONSTANTS;
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* MCU_FOUR_PIXELS_DSP_H */
