/* mcu_exp.h: exponential and reciprocal in fixed point.
 * Equal, bit for bit, to gemmlowp's, which the TFLite reference kernels use.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_EXP_H
#define MCU_EXP_H

#include <stdint.h>

#include "mcu_fixed.h"

#ifdef __cplusplus
extern "C" {
#endif

/// exp(x) in Q0.31 for x <= 0 in Q(integer_bits).(31 - integer_bits); integer_bits in [0, 5].
static inline int32_t mcu_exp_negative(int32_t x, int32_t integer_bits) {
    /* exp(-1/4), exp(-1/2), exp(-1), ... exp(-16) in Q0.31 */
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308,
                                       39332535,   720401,     242};
    const int32_t exp_minus_eighth = 1895147668; /* Q0.31 */
    const int32_t third = 715827883;             /* Q0.31 */
    if (x == 0) {
        return INT32_MAX;
    }

    /* x = fraction - remainder, where fraction is in [-1/4, 0) and remainder a multiple of 1/4. */
    const int32_t quarter = (int32_t)1 << (29 - integer_bits);
    const int32_t fraction = (x & (quarter - 1)) - quarter;
    const int32_t remainder = fraction - x;

    /* exp(fraction): Taylor series around -1/8, all in Q0.31 */
    const int32_t t = fraction * ((int32_t)1 << integer_bits) + ((int32_t)1 << 28);
    const int32_t t2 = mcu_mul_high(t, t);
    const int32_t t3 = mcu_mul_high(t2, t);
    const int32_t t4 = mcu_mul_high(t2, t2);
    const int32_t tail = mcu_round_shift(mcu_mul_high(mcu_round_shift(t4, 2) + t3, third) + t2, 1);
    int32_t result = exp_minus_eighth + mcu_mul_high(exp_minus_eighth, t + tail);

    for (int32_t bit = 0; bit < integer_bits + 2; bit++) {
        if ((remainder & (quarter << bit)) != 0) {
            result = mcu_mul_high(result, factors[bit]);
        }
    }
    return result;
}

/// 1 / (1 + x) in Q0.31 for x in Q0.31, [0, 1): Newton's iteration.
static inline int32_t mcu_one_over_one_plus(int32_t x) {
    const int32_t half_denominator = (x >> 1) + ((int32_t)1 << 30); /* (1 + x) / 2, Q0.31 */
    /* y approaches 2 / (1 + x) in Q2.29, from 48/17 - 32/17 * (1 + x) / 2 */
    int32_t y = 1515870810 + mcu_mul_high(half_denominator, -1010580540);
    for (int32_t i = 0; i < 3; i++) {
        const int32_t error = ((int32_t)1 << 29) - mcu_mul_high(half_denominator, y);
        y += 4 * mcu_mul_high(y, error);
    }
    return (y >= ((int32_t)1 << 30)) ? INT32_MAX : 2 * y;
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_EXP_H */
