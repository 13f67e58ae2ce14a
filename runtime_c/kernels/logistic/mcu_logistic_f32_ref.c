/* mcu_logistic_f32_ref.c: 1 / (1 + e^-x) on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

#include "mcu_math_f32.h"

static float logistic(const mcu_unary_f32_params *p, float x) {
    (void)p;
    return mcu_logisticf(x);
}

void mcu_logistic_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, logistic);
}
