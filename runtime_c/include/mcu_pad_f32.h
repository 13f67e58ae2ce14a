/* mcu_pad_f32.h: surrounds a float32 tensor with a constant.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_PAD_F32_H
#define MCU_PAD_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t in_shape[4];
    int32_t out_shape[4]; ///< at least in_shape + before
    int32_t before[4];    ///< elements of padding in front of each axis
    float value;          ///< of the padding
} mcu_pad_f32_params;

/// input [in_shape], output [out_shape]; they must not overlap.
void mcu_pad_f32_ref(const mcu_pad_f32_params *params, const float *input, float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_PAD_F32_H */
