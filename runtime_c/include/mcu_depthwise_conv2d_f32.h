/* mcu_depthwise_conv2d_f32.h: 2-D convolution of each channel by itself on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_F32_H
#define MCU_DEPTHWISE_CONV2D_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t in_ch;
    int32_t out_h;
    int32_t out_w;
    int32_t out_ch; ///< a multiple of in_ch: channel c reads input channel c / (out_ch / in_ch)
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;  ///< rows of padding above the input
    int32_t pad_left; ///< columns of padding left of the input
    float act_min;    ///< fused activation
    float act_max;
    const float *weights; ///< [kernel_h][kernel_w][out_ch]
    const float *bias;    ///< [out_ch]; NULL for none
} mcu_depthwise_conv2d_f32_params;

/// Any shape, stride, dilation, padding and depth multiplier. Products are added in the order of
/// the weights, the bias last. input [batch][in_h][in_w][in_ch], output
/// [batch][out_h][out_w][out_ch]; the output may begin so far in front of the input that it
/// overwrites only what neither this position nor a later one reads, channels being taken by fours;
/// otherwise they must not overlap.
void mcu_depthwise_conv2d_f32_ref(const mcu_depthwise_conv2d_f32_params *params, const float *input,
                                  float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_F32_H */
