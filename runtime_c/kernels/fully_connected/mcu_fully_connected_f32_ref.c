/* mcu_fully_connected_f32_ref.c: a dense layer on float32, plain C, any core.
 *
 * Four outputs share each input load; each is summed in the order of the weights, and the bias is
 * added last.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_f32.h"

#include <stddef.h>

#include "mcu_float.h"

/* acc[r] = sum of x[i] * w[r * count + i]. */
static void dot4(float acc[4], const float *x, const float *w, int32_t count) {
    const float *const w1 = w + count;
    const float *const w2 = w1 + count;
    const float *const w3 = w2 + count;
    float a0 = 0.0F;
    float a1 = 0.0F;
    float a2 = 0.0F;
    float a3 = 0.0F;
    for (int32_t i = 0; i < count; i++) {
        const float value = x[i];
        a0 += value * w[i];
        a1 += value * w1[i];
        a2 += value * w2[i];
        a3 += value * w3[i];
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static float dot1(const float *x, const float *w, int32_t count) {
    float acc = 0.0F;
    for (int32_t i = 0; i < count; i++) {
        acc += x[i] * w[i];
    }
    return acc;
}

void mcu_fully_connected_f32_ref(const mcu_fully_connected_f32_params *params, const float *input,
                                 float *output) {
    const mcu_fully_connected_f32_params p = *params;

    for (int32_t b = 0; b < p.batch; b++) {
        const float *weights = p.weights;
        int32_t block = 0;
        for (int32_t row = 0; row < p.out; row += block) {
            float acc[4];
            block = (p.out - row >= 4) ? 4 : 1;
            if (block == 4) {
                dot4(acc, input, weights, p.in);
            } else {
                acc[0] = dot1(input, weights, p.in);
            }
            weights += block * p.in;
            for (int32_t r = 0; r < block; r++) {
                const float bias = (p.bias == NULL) ? 0.0F : p.bias[row + r];
                *output = mcu_clampf(acc[r] + bias, p.act_min, p.act_max);
                output++;
            }
        }
        input += p.in;
    }
}
