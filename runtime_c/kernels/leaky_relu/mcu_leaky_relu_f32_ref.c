/* mcu_leaky_relu_f32_ref.c: negative float32 values times a constant, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

static float leaky_relu(const mcu_unary_f32_params *p, float x) {
    return (x > 0.0F) ? x : x * p->alpha;
}

void mcu_leaky_relu_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, leaky_relu);
}
