/* mcu_neg_f32_ref.c: float32 values with the other sign, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

static float neg(const mcu_unary_f32_params *p, float x) {
    (void)p;
    return -x;
}

void mcu_neg_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, neg);
}
