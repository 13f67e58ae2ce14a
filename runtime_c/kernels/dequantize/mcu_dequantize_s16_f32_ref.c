/* mcu_dequantize_s16_f32_ref.c: int16 to float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_quantize.h"

void mcu_dequantize_s16_f32_ref(const mcu_quantize_params *params, const int16_t *input,
                                float *output) {
    const mcu_quantize_params p = *params;
    for (int32_t i = 0; i < p.elements; i++) {
        output[i] = (float)(input[i] - p.zero_point) * p.scale;
    }
}
