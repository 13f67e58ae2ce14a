/* mcu_abs_f32_ref.c: magnitude of float32 values, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_unary_f32.h"

static float abs_of(const mcu_unary_f32_params *p, float x) {
    (void)p;
    return (x <= 0.0F) ? 0.0F - x : x; /* -0 becomes 0 */
}

void mcu_abs_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output) {
    mcu_unary_f32(params, input, output, abs_of);
}
