/* mcu_relu_f32.h: limits values to a range.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_RELU_F32_H
#define MCU_RELU_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    float act_min;
    float act_max;
} mcu_relu_f32_params;

/// RELU, RELU6 and RELU_N1_TO_1 on float32.
/// input and output [elements]; the output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_relu_f32_ref(const mcu_relu_f32_params *params, const float *input, float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_RELU_F32_H */
