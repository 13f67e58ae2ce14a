/* mcu_sums_s16.h: sums of int16 values, and of their products with int8 weights.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_SUMS_S16_H
#define MCU_SUMS_S16_H

#include <stdint.h>

#include "mcu_fixed.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The sum over rows x cols values, `right` apart in a row, whose rows are `down` apart.
static inline int32_t mcu_sum_s16(const int16_t *x, int32_t rows, int32_t cols, int32_t right,
                                  int32_t down) {
    int32_t sum = 0;
    for (; rows > 0; rows--) {
        for (int32_t n = cols; n > 0; n--) {
            sum += *x;
            x += right;
        }
        x += down - cols * right;
    }
    return sum;
}

/// The same from four neighbours on.
static inline void mcu_sum4_s16(int32_t sum[4], const int16_t *x, int32_t rows, int32_t cols,
                                int32_t right, int32_t down) {
    int32_t a0 = 0;
    int32_t a1 = 0;
    int32_t a2 = 0;
    int32_t a3 = 0;
    for (; rows > 0; rows--) {
        for (int32_t n = cols; n > 0; n--) {
            a0 += x[0];
            a1 += x[1];
            a2 += x[2];
            a3 += x[3];
            x += right;
        }
        x += down - cols * right;
    }
    sum[0] = a0;
    sum[1] = a1;
    sum[2] = a2;
    sum[3] = a3;
}

enum { MCU_S16_RUN = 256 }; /* products of at most 2^22 that surely add up in an int32 */

/// The sum of x[i * x_step] * w[i * w_step]. int64: each run of an int32 is at most 2^30.
static inline int64_t mcu_dot_steps_s16(const int16_t *x, int32_t x_step, const int8_t *w,
                                        int32_t w_step, int32_t count) {
    int64_t sum = 0;
    while (count > 0) {
        const int32_t run = (count < MCU_S16_RUN) ? count : MCU_S16_RUN;
        int32_t acc = 0;
        for (int32_t i = 0; i < run; i++) {
            acc += x[i * x_step] * w[i * w_step];
        }
        sum += acc;
        x += run * x_step;
        w += run * w_step;
        count -= run;
    }
    return sum;
}

/// The sum of x[i] * w[i].
static inline int64_t mcu_dot_s16(const int16_t *x, const int8_t *w, int32_t count) {
    return mcu_dot_steps_s16(x, 1, w, 1, count);
}

/// sum[c] += sum of x[i] * w[c * pitch + i], for four rows of weights.
static inline void mcu_dot4_s16(int64_t sum[4], const int16_t *x, const int8_t *w, int32_t pitch,
                                int32_t count) {
    while (count > 0) {
        const int32_t run = (count < MCU_S16_RUN) ? count : MCU_S16_RUN;
        const int8_t *const w1 = w + pitch;
        const int8_t *const w2 = w1 + pitch;
        const int8_t *const w3 = w2 + pitch;
        int32_t a0 = 0;
        int32_t a1 = 0;
        int32_t a2 = 0;
        int32_t a3 = 0;
        for (int32_t i = 0; i < run; i++) {
            const int32_t value = x[i];
            a0 += value * w[i];
            a1 += value * w1[i];
            a2 += value * w2[i];
            a3 += value * w3[i];
        }
        sum[0] += a0;
        sum[1] += a1;
        sum[2] += a2;
        sum[3] += a3;
        x += run;
        w += run;
        count -= run;
    }
}

/// sum[c] += sum of x[i * x_step + c] * w[i * w_step + c], for four neighbouring channels.
static inline void mcu_dot_channels_s16(int64_t sum[4], const int16_t *x, int32_t x_step,
                                        const int8_t *w, int32_t w_step, int32_t count) {
    while (count > 0) {
        const int32_t run = (count < MCU_S16_RUN) ? count : MCU_S16_RUN;
        int32_t a0 = 0;
        int32_t a1 = 0;
        int32_t a2 = 0;
        int32_t a3 = 0;
        for (int32_t i = 0; i < run; i++) {
            a0 += x[0] * w[0];
            a1 += x[1] * w[1];
            a2 += x[2] * w[2];
            a3 += x[3] * w[3];
            x += x_step;
            w += w_step;
        }
        sum[0] += a0;
        sum[1] += a1;
        sum[2] += a2;
        sum[3] += a3;
        count -= run;
    }
}

/// The output of a sum. Where it is not `wide` it fits an int32, which is checked for the actual
/// weights when the project is generated, and is scaled as one.
static inline int16_t mcu_finish_s16(int64_t sum, int32_t wide, int32_t multiplier, int32_t shift,
                                     int32_t low, int32_t high) {
    const int32_t scaled = (wide != 0) ? mcu_scale_wide(sum, multiplier, shift)
                                       : mcu_scale((int32_t)sum, multiplier, shift);
    return (int16_t)mcu_clamp(scaled, low, high);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_SUMS_S16_H */
