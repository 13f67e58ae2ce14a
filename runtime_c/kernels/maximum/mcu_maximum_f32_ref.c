/* mcu_maximum_f32_ref.c: the larger of two float32 tensors' elements, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_binary_f32.h"

static float maximum(const mcu_binary_f32_params *p, float a, float b) {
    (void)p;
    return (a > b) ? a : b;
}

void mcu_maximum_f32_ref(const mcu_binary_f32_params *params, const float *input1,
                         const float *input2, float *output) {
    mcu_binary_f32(params, input1, input2, output, maximum);
}
