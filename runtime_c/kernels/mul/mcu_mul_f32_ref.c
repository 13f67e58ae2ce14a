/* mcu_mul_f32_ref.c: product of two float32 tensors, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_binary_f32.h"

#include "mcu_float.h"

static float mul(const mcu_binary_f32_params *p, float a, float b) {
    return mcu_clampf(a * b, p->act_min, p->act_max);
}

void mcu_mul_f32_ref(const mcu_binary_f32_params *params, const float *input1, const float *input2,
                     float *output) {
    mcu_binary_f32(params, input1, input2, output, mul);
}
