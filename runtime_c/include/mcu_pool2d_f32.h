/* mcu_pool2d_f32.h: average and maximum over a sliding window on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_POOL2D_F32_H
#define MCU_POOL2D_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    int32_t window_h;
    int32_t window_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;  ///< rows of padding above the input
    int32_t pad_left; ///< columns of padding left of the input
    float act_min;    ///< fused activation
    float act_max;
} mcu_pool2d_f32_params;

/// The mean of the window; padding does not count.
/// input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels]; they must not
/// overlap.
void mcu_average_pool2d_f32_ref(const mcu_pool2d_f32_params *params, const float *input,
                                float *output);

/// The largest value of the window. Layout as above; they must not overlap.
void mcu_max_pool2d_f32_ref(const mcu_pool2d_f32_params *params, const float *input, float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_POOL2D_F32_H */
