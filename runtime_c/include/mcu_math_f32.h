/* mcu_math_f32.h: transcendental functions on float32, the same bits on every core.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MATH_F32_H
#define MCU_MATH_F32_H

#include <stdint.h>
#include <string.h>

#include "mcu_float.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCU_INFINITY_BITS 0x7f800000U
#define MCU_NAN_BITS      0x7fc00000U

static inline uint32_t mcu_float_bits(float x) {
    uint32_t bits = 0U;
    (void)memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float mcu_float_of(uint32_t bits) {
    float x = 0.0F;
    (void)memcpy(&x, &bits, sizeof x);
    return x;
}

/// 1 / (1 + e^-x).
static inline float mcu_logisticf(float x) { return 1.0F / (1.0F + mcu_expf(-x)); }

/// e^x - 1, to within 2e-7 relative; -1 below -87.
static inline float mcu_expm1f(float x) {
    if (!(x >= -87.0F)) {
        return -1.0F;
    }
    const mcu_exp_parts parts = mcu_split_exp(x);
    return parts.tail * parts.power + (parts.power - 1.0F);
}

/// tanh(x), to within 2e-7 relative.
static inline float mcu_tanhf(float x) {
    const float size = (x < 0.0F) ? -x : x;
    if (size < 0.625F) {
        const float z = x * x; /* minimax polynomial of Cephes' tanhf */
        float p = -5.70498872745e-3F;
        p = p * z + 2.06390887954e-2F;
        p = p * z + -5.37397155531e-2F;
        p = p * z + 1.33314422036e-1F;
        p = p * z + -3.33332819422e-1F;
        return (p * z) * x + x;
    }
    const float result = 1.0F - 2.0F / (mcu_expf(size + size) + 1.0F);
    return (x < 0.0F) ? -result : result;
}

/// sqrt(x), to within 1e-7 relative; 0 for numbers below the normal ones, NaN for negative ones.
static inline float mcu_sqrtf(float x) {
    if (!(x >= 1.17549435e-38F)) {
        return (x >= 0.0F) ? 0.0F : mcu_float_of(MCU_NAN_BITS);
    }
    if (x > 3.402823466e+38F) {
        return x;
    }
    /* halving the exponent is within 4 %; each step of Newton's squares the error */
    float root = mcu_float_of((mcu_float_bits(x) >> 1) + 0x1fbd1df5U);
    root = 0.5F * (root + x / root);
    root = 0.5F * (root + x / root);
    return 0.5F * (root + x / root);
}

/// The natural logarithm, to within 1e-7 of the larger of it and 1; -infinity for numbers below the
/// normal ones, NaN for negative ones.
static inline float mcu_logf(float x) {
    if (!(x >= 1.17549435e-38F)) {
        return (x >= 0.0F) ? -mcu_float_of(MCU_INFINITY_BITS) : mcu_float_of(MCU_NAN_BITS);
    }
    const uint32_t bits = mcu_float_bits(x);
    float e = (float)((int32_t)(bits >> 23) - 126);
    float m = mcu_float_of((bits & 0x7fffffU) | 0x3f000000U); /* [0.5, 1) */
    if (m < 0.707106781F) {
        e = e - 1.0F;
        m = m + m;
    }
    m = m - 1.0F;
    const float z = m * m;
    float p = 7.0376836292e-2F; /* minimax polynomial of Cephes' logf */
    p = p * m + -1.1514610310e-1F;
    p = p * m + 1.1676998740e-1F;
    p = p * m + -1.2420140846e-1F;
    p = p * m + 1.4249322787e-1F;
    p = p * m + -1.6668057665e-1F;
    p = p * m + 2.0000714765e-1F;
    p = p * m + -2.4999993993e-1F;
    p = p * m + 3.3333331174e-1F;
    const float tail = (p * m) * z + e * -2.12194440e-4F - 0.5F * z;
    return (m + tail) + e * 0.693359375F;
}

/// 1 - erf(x), to within 6e-7.
static inline float mcu_erfcf(float x) {
    const float size = (x < 0.0F) ? -x : x;
    const float t = 1.0F / (1.0F + 0.3275911F * size); /* Abramowitz and Stegun 7.1.26 */
    float p = 1.061405429F;
    p = p * t + -1.453152027F;
    p = p * t + 1.421413741F;
    p = p * t + -0.284496736F;
    p = p * t + 0.254829592F;
    const float upper = (p * t) * mcu_expf(-(size * size));
    return (x < 0.0F) ? 2.0F - upper : upper;
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_MATH_F32_H */
