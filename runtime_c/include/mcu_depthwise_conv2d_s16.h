/* mcu_depthwise_conv2d_s16.h: 2-D convolution of each channel by itself, of int16 with int8
 * weights. SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_S16_H
#define MCU_DEPTHWISE_CONV2D_S16_H

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
    int32_t act_min;  ///< fused activation, in units of the output
    int32_t act_max;
    int32_t wide;              ///< 1: sums are scaled as int64
    const int8_t *weights;     ///< [kernel_h][kernel_w][out_ch]
    const int64_t *bias;       ///< [out_ch], scale input * weights; NULL for none
    const int32_t *multiplier; ///< [out_ch], Q0.31
    const int8_t *shift;       ///< [out_ch], [-31, 7], left when positive
} mcu_depthwise_conv2d_s16_params;

/// Any shape, stride, dilation, padding and depth multiplier; all zero points are 0.
/// input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch]; the output may
/// begin so far in front of the input that it overwrites only what neither this position nor a
/// later one reads, channels being taken by fours; otherwise they must not overlap.
void mcu_depthwise_conv2d_s16_ref(const mcu_depthwise_conv2d_s16_params *params,
                                  const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_S16_H */
