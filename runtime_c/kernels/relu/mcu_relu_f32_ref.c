/* mcu_relu_f32_ref.c: limits float32 values to a range, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_relu_f32.h"

#include "mcu_float.h"

void mcu_relu_f32_ref(const mcu_relu_f32_params *params, const float *input, float *output) {
    const mcu_relu_f32_params p = *params;
    for (int32_t i = 0; i < p.elements; i++) {
        output[i] = mcu_clampf(input[i], p.act_min, p.act_max);
    }
}
