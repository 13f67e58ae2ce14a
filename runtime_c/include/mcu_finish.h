/* mcu_finish.h: from sums to int8 outputs on cores where a long multiply is dear.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FINISH_H
#define MCU_FINISH_H

#include <stdint.h>

#include "mcu_fixed.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How sums become outputs, by three words of constants: multiplier, offset, shift. Where `bits` is
/// 0 as the reference does it: multiplier in Q0.31, offset the zero point of the output, shift to
/// the left. Otherwise
///     (((sum * multiplier) >> 2 * bits) - (sum < 0 ? negative : 0) + offset) >> shift
/// with a multiplier of three pieces of `bits` bits. It is proved to equal the reference for every
/// sum of the channel, none of which overflows, when the project is generated.
typedef struct {
    int32_t bits;
    int32_t negative;
    int32_t act_min; ///< outputs are clamped to [act_min, act_max]
    int32_t act_max;
    int32_t step; ///< words from the constants of a channel to those of the next: 3, 0 if the same
} mcu_finish;

/// (sum * multiplier) >> 2 * bits, where the product with each piece of the multiplier fits.
static inline int32_t mcu_scale_pieces(int32_t sum, int32_t multiplier, int32_t bits) {
#if defined(__ARM_ARCH_6M__)
    /* No long multiply. */
    const int32_t mask = (int32_t)((1U << (uint32_t)bits) - 1U);
    const int32_t low = (sum * (multiplier & mask)) >> bits;
    const int32_t middle = (sum * ((multiplier >> bits) & mask) + low) >> bits;
    return sum * (multiplier >> (2 * bits)) + middle;
#else
    /* Shifted so that the high word of the product is the result. */
    const int64_t scaled_sum = mcu_shift_left(sum, bits + 1);
    return (int32_t)((scaled_sum * mcu_shift_left(multiplier, 31 - 3 * bits)) >> 32);
#endif
}

/// The outputs of sums of neighbouring channels, from the constants of the first one on.
static inline void mcu_finish_sums(const mcu_finish *f, const int32_t *constants,
                                   const int32_t *sums, int32_t count, int8_t *to) {
    const int32_t bits = f->bits;
    const int32_t negative = f->negative;
    const int32_t low = f->act_min;
    const int32_t high = f->act_max;
    const int32_t step = f->step;
    const int32_t *const end = sums + count;
    if (bits == 0) {
        for (; sums != end; sums++, to++, constants += step) {
            const int32_t scaled = mcu_scale(*sums, constants[0], constants[2]);
            *to = (int8_t)mcu_clamp(scaled + constants[1], low, high);
        }
        return;
    }
    for (; sums != end; sums++, to++, constants += step) {
        const int32_t sum = *sums;
        const int32_t scaled = mcu_scale_pieces(sum, constants[0], bits);
        const int32_t moved = scaled - ((sum >> 31) & negative) + constants[1];
        *to = (int8_t)mcu_clamp(moved >> constants[2], low, high);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_FINISH_H */
