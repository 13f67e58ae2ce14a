/* mcu_hard_swish_f32_ref.c: x * relu6(x + 3) / 6 on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

#include "mcu_float.h"

static float hard_swish(const mcu_unary_f32_params *p, float x) {
    (void)p;
    return x * mcu_clampf(x + 3.0F, 0.0F, 6.0F) / 6.0F;
}

void mcu_hard_swish_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, hard_swish);
}
