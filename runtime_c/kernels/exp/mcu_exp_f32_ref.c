/* mcu_exp_f32_ref.c: e^x on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

#include "mcu_float.h"

static float exp_of(const mcu_unary_f32_params *p, float x) {
    (void)p;
    return mcu_expf(x);
}

void mcu_exp_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, exp_of);
}
