/* mcu_depthwise_conv2d_mve.h: 2-D convolution of each channel by itself, of int8, or of int16 with
 * int8 weights, for cores with Helium.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_MVE_H
#define MCU_DEPTHWISE_CONV2D_MVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t channels; ///< 8 or more
    int32_t out_h;
    int32_t out_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;          ///< rows of padding above the input
    int32_t pad_left;         ///< columns of padding left of the input
    int32_t input_zero_point; ///< what padding counts as, [-128, 127]; int16: 0
    int32_t finish;           ///< int8: zero_point of the output; int16: the least output
    const void *weights;      ///< per 8 channels [9][8], int8 layers: int16, int16 layers: int8
    const int32_t *constants; ///< per 8 channels: biases and requantization, see the kernels
} mcu_depthwise_conv2d_mve_params;

/// A 3x3 kernel without dilation. Input [batch][in_h][in_w][channels], output
/// [batch][out_h][out_w][channels]; the output may begin so far in front of the input that it
/// overwrites only what neither this position nor a later one reads, channels being taken by
/// eights; otherwise they must not overlap.
/// scratch: `channels` values of the input's type.
void mcu_depthwise_conv2d_s8_mve(const mcu_depthwise_conv2d_mve_params *params, const int8_t *input,
                                 int8_t *output, void *scratch);
void mcu_depthwise_conv2d_s16_mve(const mcu_depthwise_conv2d_mve_params *params,
                                  const int16_t *input, int16_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_MVE_H */
