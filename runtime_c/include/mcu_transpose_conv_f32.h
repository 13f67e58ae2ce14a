/* mcu_transpose_conv_f32.h: transposed 2-D convolution on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_TRANSPOSE_CONV_F32_H
#define MCU_TRANSPOSE_CONV_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Input pixel (y, x) adds to the output pixels (y * stride_h - pad_top + [0, kernel_h),
/// x * stride_w - pad_left + [0, kernel_w)), as far as they exist.
typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t in_ch;
    int32_t out_h;
    int32_t out_w;
    int32_t out_ch;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    float act_min; ///< fused activation
    float act_max;
    const float *weights; ///< [out_ch][kernel_h][kernel_w][in_ch]
    const float *bias;    ///< [out_ch]; NULL for none
} mcu_transpose_conv_f32_params;

/// Any shape, stride and padding. Products are added in the order of the input, the bias last.
/// input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch]; they must not overlap.
void mcu_transpose_conv_f32_ref(const mcu_transpose_conv_f32_params *params, const float *input,
                                float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_TRANSPOSE_CONV_F32_H */
