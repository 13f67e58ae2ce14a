/* mcu_prelu_f32_ref.c: negative float32 values times factors of their own, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_binary_f32.h"

static float prelu(const mcu_binary_f32_params *p, float a, float b) {
    (void)p;
    return (a >= 0.0F) ? a : a * b;
}

void mcu_prelu_f32_ref(const mcu_binary_f32_params *params, const float *input1,
                       const float *input2, float *output) {
    mcu_binary_f32(params, input1, input2, output, prelu);
}
