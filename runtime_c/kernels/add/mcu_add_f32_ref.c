/* mcu_add_f32_ref.c: sum of two float32 tensors, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_binary_f32.h"

static float add(float a, float b) { return a + b; }

void mcu_add_f32_ref(const mcu_binary_f32_params *params, const float *input1, const float *input2,
                     float *output) {
    mcu_binary_f32(params, input1, input2, output, add);
}
