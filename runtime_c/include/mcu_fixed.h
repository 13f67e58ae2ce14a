/* mcu_fixed.h: the fixed-point arithmetic of all kernels.
 * Equal, bit for bit, to the TensorFlow Lite for Microcontrollers reference kernels.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FIXED_H
#define MCU_FIXED_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Right shifts of negative values are arithmetic, as in every compiler for these cores. */
typedef char mcu_arithmetic_shift[(-2 >> 1) == -1 ? 1 : -1];

/// The high 32 bits of 2ab, rounded, halves up. One of a and b must not be INT32_MIN.
static inline int32_t mcu_mul_high(int32_t a, int32_t b) {
    const int64_t product = (int64_t)a * b; /* Q0.62, |product| < 2^62 */
    return (int32_t)((product + ((int64_t)1 << 30)) >> 31);
}

/// x / 2^exponent, rounded to the nearest, halves away from zero; exponent in [0, 31].
static inline int32_t mcu_round_shift(int32_t x, int32_t exponent) {
    const int32_t mask = (int32_t)((1U << (uint32_t)exponent) - 1U);
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

/// x * 2^exponent modulo 2^32; exponent in [0, 31].
static inline int32_t mcu_shift_left(int32_t x, int32_t exponent) {
    return (int32_t)((uint32_t)x << (uint32_t)exponent);
}

/// x * multiplier * 2^(shift - 31), double rounding; multiplier in Q0.31, shift in [-31, 30].
static inline int32_t mcu_scale(int32_t x, int32_t multiplier, int32_t shift) {
    if (shift >= 0) {
        return mcu_mul_high(mcu_shift_left(x, shift), multiplier);
    }
    /* mcu_round_shift in fewer instructions, for exponents of 1 and above: one less than a negative
     * product, then halves up. Nothing overflows, since |product| <= 2^31 - 1, and no multiplier
     * makes it INT32_MAX. */
    const int32_t product = mcu_mul_high(x, multiplier);
    return (((product + (product >> 31)) >> (-shift - 1)) + 1) >> 1;
}

/// x * multiplier * 2^(shift - 31) for |x| < 2^47, single rounding, halves up; multiplier in Q0.31,
/// of which 15 bits count, shift in [-31, 7]. Beyond int32 it wraps.
static inline int32_t mcu_scale_wide(int64_t x, int32_t multiplier, int32_t shift) {
    const int32_t reduced = (multiplier < 0x7FFF0000) ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
    const int32_t right = 15 - shift;
    return (int32_t)((x * reduced + ((int64_t)1 << (right - 1))) >> right);
}

static inline int32_t mcu_clamp(int32_t x, int32_t low, int32_t high) {
    return (x < low) ? low : ((x > high) ? high : x);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_FIXED_H */
