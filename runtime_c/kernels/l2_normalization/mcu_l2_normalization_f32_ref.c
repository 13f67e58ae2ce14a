/* mcu_l2_normalization_f32_ref.c: rows divided by their Euclidean length, on float32, plain C, any
 * core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_l2_normalization_f32.h"

#include "mcu_math_f32.h"

void mcu_l2_normalization_f32_ref(const mcu_l2_normalization_f32_params *params, const float *input,
                                  float *output) {
    const mcu_l2_normalization_f32_params p = *params;
    for (int32_t row = 0; row < p.rows; row++) {
        float sum = 0.0F;
        for (int32_t i = 0; i < p.depth; i++) {
            sum += input[i] * input[i];
        }
        const float root = mcu_sqrtf(sum);
        const float length = (root > 1e-6F) ? root : 1e-6F;
        for (int32_t i = 0; i < p.depth; i++) {
            output[i] = input[i] / length;
        }
        input += p.depth;
        output += p.depth;
    }
}
