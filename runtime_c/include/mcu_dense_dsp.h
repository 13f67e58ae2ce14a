/* mcu_dense_dsp.h: what the dense layers for cores with SIMD have in common.
 *
 * Eight outputs A to H are summed in a pass. Two of them, A and B, share weight words, whose lanes
 * hold 256 * a + b, a weight of each for one input. Four inputs are two pairs, x = (0, 2) and
 * y = (1, 3), with the words v and w. SMLAD of v with x and of w with y sums 256 * SA + SB. For B
 * alone, SXTAB16 makes vb + y and wb + x of the low bytes, and SMLAD of the two sums
 *     vb * x + wb * y + vb * wb + x * y
 * so one SMLAD has four products of B. That of vb * wb is known beforehand and is in the bias; that
 * of x * y is the same for all outputs, is summed once for a row, and subtracted at the end. Two
 * words take 5 instructions and 2 loads for 8 products. The difference of the sums is 256 * SA:
 * exact while |SA| < 2^23, which is checked for the actual weights when the project is generated.
 * All sums are taken modulo 2^32; the input's zero point is folded into the bias. Where the inputs
 * are no multiple of four, the odd ones are the first; zero weights fill up their four.
 *
 * Requantization is one of these, for the exact sum S; hi() is the high word of a product.
 *     CLAMPED  where the output clamps at its zero point -128 and all outputs have the same
 * constants multiplier, offset, shift: SSAT((hi(256 * S * multiplier) + offset) >> shift) FIXED
 * where it clamps and outputs have a multiplier and an extra each, and one shift: SSAT(hi((256 * S
 * + extra) * multiplier) >> shift). The extra of A is in its bias. In the stream: multiplier_A,
 * multiplier_B, extra_B, shift, then multiplier_C, multiplier_D, extra_D and so on GENERAL
 * SSAT((hi(2 * S * multiplier) + (S < 0 ? -1 : 0) + offset) >> shift), hi() rounded, multiplier,
 * offset and shift of each output, or once where all have the same (ALIKE). The reference subtracts
 * the 1 where hi() < 0; where hi() = 0 for S < 0, offset - 1 and offset have the same value, as
 * offset is an odd multiple of half a step.
 *
 * Registers: r0 stream, r4-r11 sums of A to H, lr output.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DENSE_DSP_H
#define MCU_DENSE_DSP_H

#include <stddef.h>
#include <stdint.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_state.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_DENSE_OUTPUTS = 8, MCU_DENSE_CONSTANTS = 3 };

/// What becomes of the sums of a pass.
enum {
    MCU_DENSE_KEPT, /* they wait for more inputs */
    MCU_DENSE_CLAMPED,
    MCU_DENSE_FIXED,
    MCU_DENSE_GENERAL_ALIKE,
    MCU_DENSE_GENERAL
};

/// The first words of the state of mcu_state.h.
typedef struct {
    void *to;     ///< outputs, or sums that are kept
    void *to_end; ///< of the whole passes; other than `to`
    void *spare;  ///< eight outputs of a last pass, or NULL if there is none
    int32_t end;
} mcu_dense_to;

/// The end of a pass that makes outputs.
static inline int32_t mcu_dense_end(int32_t clamped, int32_t alike) {
    const int32_t form = (clamped != 0) ? MCU_DENSE_FIXED : MCU_DENSE_GENERAL;
    return form - ((alike != 0) ? 1 : 0);
}

/// Where the outputs of `count` channels go: those beyond a multiple of eight to `spare`.
static inline mcu_dense_to mcu_dense_outputs(int8_t *output, int32_t count, int8_t *spare,
                                             int32_t end) {
    const int32_t rest = count % MCU_DENSE_OUTPUTS;
    mcu_dense_to to = {output, output + (count - rest), (rest > 0) ? spare : NULL, end};
    if (count == rest) {
        to = (mcu_dense_to){spare, spare + MCU_DENSE_OUTPUTS, NULL, end};
    }
    return to;
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MCU_DENSE_TO "0"
#define MCU_DENSE_TO_END "1"
#define MCU_DENSE_SPARE "2"
#define MCU_DENSE_END "3"

#define MCU_DENSE_EACH(op, p, q, r, s) op(p) op(q) op(r) op(s)
#define MCU_DENSE_ALL(op)                                                                          \
    MCU_DENSE_EACH(op, "r4", "r5", "r6", "r7") MCU_DENSE_EACH(op, "r8", "r9", "r10", "r11")
/* Four inputs `x` and `y`, their words `v` and `w`, sums `a` and `b`. */
#define MCU_DENSE_ADD(a, b, v, w, x, y)                                                            \
    "smlad " a ", " v ", " x ", " a "\n smlad " a ", " w ", " y ", " a "\n"                         \
    "sxtab16 " v ", " y ", " v "\n sxtab16 " w ", " x ", " w "\n"                                  \
    "smlad " b ", " v ", " w ", " b "\n"
/* r2 is the sum of x * y. */
#define MCU_DENSE_SPLIT                                                                            \
    "sub r5, r2\n sub r7, r2\n sub r9, r2\n sub r11, r2\n"                                        \
    "sub r4, r5\n sub r6, r7\n sub r8, r9\n sub r10, r11\n"
#define MCU_DENSE_TIMES_256 "lsl r5, #8\n lsl r7, #8\n lsl r9, #8\n lsl r11, #8\n"
#define MCU_DENSE_TWICE                                                                            \
    "asr r4, #7\n asr r6, #7\n asr r8, #7\n asr r10, #7\n"                                         \
    "lsl r5, #1\n lsl r7, #1\n lsl r9, #1\n lsl r11, #1\n"
#define MCU_DENSE_LOAD "ldm r0!, {r1, r2, r3}\n"
#define MCU_DENSE_STORE(sum)                                                                       \
    "asr " sum ", r3\n ssat " sum ", #8, " sum "\n strb " sum ", [lr], #1\n"
#define MCU_DENSE_CLAMP(sum) "smmla " sum ", " sum ", r1, r2\n" MCU_DENSE_STORE(sum)
#define MCU_DENSE_ROUND(sum)                                                                       \
    "add r12, r2, " sum ", asr #31\n smmlar " sum ", " sum ", r1, r12\n" MCU_DENSE_STORE(sum)
/* A from 256 * S + extra, B from S. */
#define MCU_DENSE_SHIFT(sum, multiplier)                                                           \
    "smmul " sum ", " sum ", " multiplier "\n asr " sum ", r12\n ssat " sum ", #8, " sum "\n"       \
    "strb " sum ", [lr], #1\n"
#define MCU_DENSE_PAIR(a, b)                                                                       \
    MCU_DENSE_SHIFT(a, "r1") "add " b ", r3, " b ", lsl #8\n" MCU_DENSE_SHIFT(b, "r2")
#define MCU_DENSE_ROUND_EACH(sum)                                                                  \
    MCU_DENSE_LOAD "add r2, r2, " sum ", asr #31\n smmlar " sum ", " sum ", r1, r2\n"              \
    MCU_DENSE_STORE(sum)
/* The end of a pass, whose begin is label 1. `kept` branches away, on lower, where sums are kept;
 * `products` takes the sum of x * y to r2; `leave` ends the function. */
#define MCU_DENSE_FINISH(kept, products, leave)                                                    \
    MCU_GET("lr", MCU_DENSE_TO) MCU_GET("r1", MCU_DENSE_END)                                       \
    "cmp r1, #1\n" kept products MCU_DENSE_SPLIT "bhi.w 6f\n"                                      \
    MCU_DENSE_LOAD MCU_DENSE_TIMES_256 MCU_DENSE_ALL(MCU_DENSE_CLAMP)                              \
    "5:\n"                                                                                         \
    MCU_GET("r2", MCU_DENSE_TO_END)                                                                \
    MCU_PUT(MCU_DENSE_TO, "lr")                                                                    \
    "cmp lr, r2\n bne.w 1b\n"                                                                      \
    MCU_GET("r2", MCU_DENSE_SPARE)                                                                 \
    "mov r3, #0\n"                                                                                 \
    MCU_PUT(MCU_DENSE_TO, "r2") MCU_PUT(MCU_DENSE_SPARE, "r3")                                     \
    "add r3, r2, #8\n"                                                                             \
    MCU_PUT(MCU_DENSE_TO_END, "r3")                                                                \
    "cmp r2, #0\n bne.w 1b\n"                                                                      \
    MCU_STATE_LEAVE                                                                                \
    leave                                                                                          \
    "6:\n"                                                                                         \
    "cmp r1, #3\n bhs.w 6f\n"                                                                      \
    "ldm r0!, {r1, r2, r3, r12}\n" MCU_DENSE_PAIR("r4", "r5")                                      \
    MCU_DENSE_LOAD MCU_DENSE_PAIR("r6", "r7") MCU_DENSE_LOAD MCU_DENSE_PAIR("r8", "r9")            \
    MCU_DENSE_LOAD MCU_DENSE_PAIR("r10", "r11") "b.w 5b\n"                                         \
    "6:\n"                                                                                         \
    MCU_DENSE_TWICE                                                                                \
    "bhi.w 6f\n" MCU_DENSE_LOAD MCU_DENSE_ALL(MCU_DENSE_ROUND) "b.w 5b\n"                          \
    "6:\n mov r12, #1\n" /* four outputs, then the other four */                                  \
    "8:\n" MCU_DENSE_EACH(MCU_DENSE_ROUND_EACH, "r4", "r5", "r6", "r7")                            \
    "mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n subs r12, #1\n bpl 8b\n b.w 5b\n"

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */

/// Four inputs as two pairs, times the weights of eight outputs.
static inline void mcu_dense_add(int32_t *sums, const int32_t *weights, int32_t x, int32_t y) {
    for (int32_t c = 0; c < MCU_DENSE_OUTPUTS; c += 2) {
        const int32_t v = weights[c];
        const int32_t w = weights[c + 1];
        sums[c] = mcu_smlad(w, y, mcu_smlad(v, x, sums[c]));
        sums[c + 1] = mcu_smlad(mcu_sxtab16(y, v), mcu_sxtab16(x, w), sums[c + 1]);
    }
}

static inline const int32_t *mcu_dense_fixed(const int32_t *stream, const int32_t *sums,
                                             int8_t *output) {
    const int32_t shift = stream[MCU_DENSE_CONSTANTS];
    for (int32_t c = 0; c < MCU_DENSE_OUTPUTS; c += 2) {
        const int32_t a = mcu_sub_wrap(sums[c], sums[c + 1]);
        const int32_t b = mcu_shift_left(sums[c + 1], 8) + stream[2];
        output[c] = mcu_ssat8(mcu_smmul(a, stream[0]) >> shift);
        output[c + 1] = mcu_ssat8(mcu_smmul(b, stream[1]) >> shift);
        stream += MCU_DENSE_CONSTANTS + ((c == 0) ? 1 : 0);
    }
    return stream;
}

/// Eight outputs from their sums, `products` is that of x * y; returns where the stream goes on.
static inline const int32_t *mcu_dense_finish(const int32_t *stream, int32_t *sums,
                                              int32_t products, int32_t end, int8_t *output) {
    for (int32_t c = 1; c < MCU_DENSE_OUTPUTS; c += 2) {
        sums[c] = mcu_sub_wrap(sums[c], products);
    }
    if (end == MCU_DENSE_FIXED) {
        return mcu_dense_fixed(stream, sums, output);
    }
    const int32_t step = (end == MCU_DENSE_GENERAL) ? MCU_DENSE_CONSTANTS : 0;
    for (int32_t c = 0; c < MCU_DENSE_OUTPUTS; c++, stream += step) {
        const int32_t times_256 =
            (c % 2 == 0) ? mcu_sub_wrap(sums[c], sums[c + 1]) : mcu_shift_left(sums[c], 8);
        const int32_t scaled = (end == MCU_DENSE_CLAMPED)
                                   ? mcu_smmul(times_256, stream[0])
                                   : mcu_smmulr(times_256 >> 7, stream[0]) + (times_256 >> 31);
        output[c] = mcu_ssat8((scaled + stream[1]) >> stream[2]);
    }
    return stream + ((step == 0) ? MCU_DENSE_CONSTANTS : 0);
}

/// To the next pass; false after the last.
static inline int mcu_dense_next(mcu_dense_to *to, int32_t bytes) {
    to->to = (int8_t *)to->to + bytes;
    if (to->to != to->to_end) {
        return 1;
    }
    if (to->spare == NULL) {
        return 0;
    }
    to->to = to->spare;
    to->to_end = (int8_t *)to->spare + MCU_DENSE_OUTPUTS;
    to->spare = NULL;
    return 1;
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* MCU_DENSE_DSP_H */
