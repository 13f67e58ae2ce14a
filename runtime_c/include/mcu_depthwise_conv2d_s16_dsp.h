/* mcu_depthwise_conv2d_s16_dsp.h: 2-D convolution of each channel by itself, of int16 with int8
 * weights, for cores with SIMD. SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_S16_DSP_H
#define MCU_DEPTHWISE_CONV2D_S16_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t channels; ///< 2 or more
    int32_t out_h;
    int32_t out_w;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t inner;         ///< the first column of the output whose window has no column of padding
    int32_t inner_end;     ///< behind the last one; not below `inner`
    int32_t relu;          ///< 1: outputs are clamped to [0, 32767], else 0
    const int32_t *stream; ///< weights and requantization of two channels each, see the kernel
} mcu_depthwise_conv2d_s16_dsp_params;

/// Any window, stride, dilation and padding that leaves each window a pixel of the input.
/// input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels]; the output may
/// begin so far in front of the input that it overwrites only what no later output reads, where
/// three are computed together, two channels at a time; otherwise they must not overlap.
void mcu_depthwise_conv2d_s16_dsp(const mcu_depthwise_conv2d_s16_dsp_params *params,
                                  const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_S16_DSP_H */
