/* mcu_logistic_f32_ref.c: 1 / (1 + e^-x) on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

#include "mcu_math_f32.h"

/* The reference's cutoffs: e^x is larger by up to 1.2e-4 of itself. */
static float logistic(const mcu_unary_f32_params *p, float x) {
    (void)p;
    if (x < -9.0F) {
        return mcu_expf(x);
    }
    if (x > 16.619047164916992188F) {
        return 1.0F;
    }
    return mcu_logisticf(x);
}

void mcu_logistic_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, logistic);
}
