/* mcu_sqrt_f32_ref.c: square root on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

#include "mcu_math_f32.h"

static float sqrt_of(const mcu_unary_f32_params *p, float x) {
    (void)p;
    return mcu_sqrtf(x);
}

void mcu_sqrt_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, sqrt_of);
}
