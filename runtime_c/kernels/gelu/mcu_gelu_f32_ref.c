/* mcu_gelu_f32_ref.c: x times the normal distribution's probability below x, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

#include "mcu_math_f32.h"

static float gelu(const mcu_unary_f32_params *p, float x) {
    const float cubic = x + 0.044715F * x * x * x;
    const float twice_probability =
        (p->alpha > 0.0F) ? 1.0F + mcu_tanhf(0.797884561F * cubic) : mcu_erfcf(x * -0.707106781F);
    return 0.5F * x * twice_probability;
}

void mcu_gelu_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, gelu);
}
