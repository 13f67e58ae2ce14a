/* mcu_elu_f32_ref.c: x, or e^x - 1 below 0, on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

#include "mcu_math_f32.h"

static float elu(const mcu_unary_f32_params *p, float x) {
    (void)p;
    return (x < 0.0F) ? mcu_expm1f(x) : x;
}

void mcu_elu_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, elu);
}
