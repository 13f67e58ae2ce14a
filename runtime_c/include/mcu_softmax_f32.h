/* mcu_softmax_f32.h: softmax over the last axis on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_SOFTMAX_F32_H
#define MCU_SOFTMAX_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t rows;
    int32_t classes; ///< 1 or more
    float beta;      ///< multiplies the input
} mcu_softmax_f32_params;

/// input and output [rows][classes]. The output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_softmax_f32_ref(const mcu_softmax_f32_params *params, const float *input, float *output);

/// The logarithm of that. Shapes and memory as above.
void mcu_log_softmax_f32_ref(const mcu_softmax_f32_params *params, const float *input,
                             float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_SOFTMAX_F32_H */
