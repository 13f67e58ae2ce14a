/* mcu_log.h: logarithm and reciprocal square root in fixed point.
 * Equal, bit for bit, to those of the TFLite reference kernels.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_LOG_H
#define MCU_LOG_H

#include <stdint.h>

#include "mcu_exp.h"
#include "mcu_fixed.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Leading zero bits of a positive value.
static inline int32_t mcu_leading_zeros(int32_t x) {
    int32_t zeros = 1;
    while (x < ((int32_t)1 << 30)) {
        x *= 2;
        zeros++;
    }
    return zeros;
}

/// log(x) in Q5.26 for x in Q(integer_bits).(31 - integer_bits), 1 and above; integer_bits <= 21.
static inline int32_t mcu_log(int32_t x, int32_t integer_bits) {
    const int32_t quarter = (int32_t)1 << 23;    /* Q6.25 */
    const int32_t sqrt_half = 1518500250;        /* Q0.31 */
    const int32_t fourth_root_half = 1805811301; /* Q0.31 */

    /* x = r * 2^power, where r is within a factor of 2^(1/4) of 2^(-1/4): the smaller one of two
     * candidates, a power of 2 apart from x and from sqrt(1/2) * x. Q0.31 */
    const int32_t a_zeros = mcu_leading_zeros(x);
    const int32_t b_zeros = mcu_leading_zeros(mcu_mul_high(x, sqrt_half)) - 1;
    const int32_t half_a = mcu_mul_high(mcu_shift_left(x, a_zeros - 1), sqrt_half);
    const int32_t r_a = (half_a >= ((int32_t)1 << 30)) ? INT32_MAX : 2 * half_a;
    const int32_t r_b = (x > (INT32_MAX >> b_zeros)) ? INT32_MAX : mcu_shift_left(x, b_zeros);
    const int32_t r = (r_a < r_b) ? r_a : r_b;
    const int32_t power_a = (integer_bits - a_zeros) * ((int32_t)1 << 25) + quarter; /* Q6.25 */
    const int32_t power_b = (integer_bits - b_zeros) * ((int32_t)1 << 25) - quarter; /* Q6.25 */
    const int32_t power = (power_a > power_b) ? power_a : power_b;

    /* log(r) + log(2) / 4 as a quotient of polynomials, all in Q0.31 */
    const int32_t p = (int32_t)(((int64_t)r + fourth_root_half + 1) >> 1);
    const int32_t q = 2 * (r - fourth_root_half);
    const int32_t square = mcu_mul_high(q, q);
    const int32_t numerator = mcu_mul_high(q, r) + mcu_mul_high(mcu_mul_high(q, square), 117049297);
    const int32_t denominator = mcu_mul_high(p, 1057819769 + q + mcu_mul_high(127690142, square)) +
                                mcu_mul_high(638450708, q);
    const int32_t quotient =
        mcu_mul_high(mcu_round_shift(numerator, 6), mcu_one_over_one_plus(denominator)); /* Q6.25 */
    return 2 * (mcu_mul_high(power, 1488522236) + quotient); /* log(2) in Q0.31 */
}

/// 1 / sqrt(x) as a Q0.31 multiplier, and the shift that goes with it in [-12, 0]; 0 counts as 1.
static inline int32_t mcu_inverse_sqrt(int32_t x, int32_t *shift) {
    if (x <= 1) {
        *shift = 0;
        return INT32_MAX;
    }
    int32_t right_shift = 11;
    if (x >= ((int32_t)1 << 29)) {
        x /= 4;
        right_shift++;
    }
    while (x < ((int32_t)1 << 27)) {
        x *= 4;
        right_shift--;
    }

    /* Newton's iteration from 1 for x in [1/2, 2), all in Q3.28 */
    const int32_t half = mcu_round_shift(x >> 1, 1);
    int32_t y = (int32_t)1 << 28;
    for (int32_t i = 0; i < 5; i++) {
        const int32_t cube = mcu_mul_high(mcu_mul_high(y, y), y) * 64;
        y = (mcu_mul_high(((int32_t)1 << 28) + ((int32_t)1 << 27), y) - mcu_mul_high(half, cube)) *
            8;
    }
    y = mcu_mul_high(y, 1518500250); /* sqrt(1/2) in Q0.31 */
    *shift = (right_shift > 0) ? -right_shift : 0;
    return (right_shift < 0) ? mcu_shift_left(y, -right_shift) : y;
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_LOG_H */
