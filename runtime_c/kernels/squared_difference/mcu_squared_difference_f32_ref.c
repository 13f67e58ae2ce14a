/* mcu_squared_difference_f32_ref.c: square of the difference of two float32 tensors, plain C, any
 * core. SPDX-License-Identifier: MIT-0 */
#include "mcu_binary_f32.h"

static float squared_difference(const mcu_binary_f32_params *p, float a, float b) {
    (void)p;
    return (a - b) * (a - b);
}

void mcu_squared_difference_f32_ref(const mcu_binary_f32_params *params, const float *input1,
                                    const float *input2, float *output) {
    mcu_binary_f32(params, input1, input2, output, squared_difference);
}
