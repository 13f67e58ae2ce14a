/* mcu_float.h: the float32 arithmetic of all kernels, without a mathematics library.
 * Every core computes the same bits where products and sums are not contracted to one rounding:
 * compile with -ffp-contract=off, or as strict C99.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FLOAT_H
#define MCU_FLOAT_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/// x limited to [low, high]; NaN stays NaN.
static inline float mcu_clampf(float x, float low, float high) {
    const float raised = (x < low) ? low : x;
    return (raised > high) ? high : raised;
}

/// e^x = power * (1 + tail): a power of 2, and a tail in [-0.3, 0.42].
typedef struct {
    float power;
    float tail;
} mcu_exp_parts;

/// x in [-87, infinity]; what is above 88 counts as 88.
static inline mcu_exp_parts mcu_split_exp(float x) {
    const float limited = (x > 88.0F) ? 88.0F : x;
    /* x = n ln 2 + r, |r| <= 0.35; ln 2 in two parts, of which the first times n is exact */
    const int32_t n = (int32_t)(limited * 1.44269504F + ((limited < 0.0F) ? -0.5F : 0.5F));
    const float r = (limited - (float)n * 0.693359375F) - (float)n * -2.12194440e-4F;
    float p = 1.9875691500e-4F; /* minimax polynomial of Cephes' expf */
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 0.5F;
    const uint32_t bits = (uint32_t)(n + 127) << 23; /* 2^n, n in [-126, 127] */
    mcu_exp_parts parts = {0.0F, (p * r) * r + r};
    (void)memcpy(&parts.power, &bits, sizeof parts.power);
    return parts;
}

/// e^x to within 2e-7 relative; 0 below -87, the value at 88 above that; NaN gives 0.
static inline float mcu_expf(float x) {
    if (!(x >= -87.0F)) {
        return 0.0F;
    }
    const mcu_exp_parts parts = mcu_split_exp(x);
    return (parts.tail + 1.0F) * parts.power;
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_FLOAT_H */
