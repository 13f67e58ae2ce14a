/* mcu_conv2d_3x3_few_s8_dsp.h: 3x3 convolution on int8 of 1 to 4 input channels, as they stand at
 * the front of networks, for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_3X3_FEW_S8_DSP_H
#define MCU_CONV2D_3X3_FEW_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w; ///< 8 or more
    int32_t out_h;
    int32_t out_w;  ///< 4 or more, with stride_w 1 8 or more
    int32_t out_ch; ///< a multiple of 2
    int32_t stride_h;
    int32_t stride_w;         ///< 1 or 2
    int32_t pad_top;          ///< rows of padding above the input
    int32_t pad_left;         ///< columns of padding left of the input, 0 or 1
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    const int32_t *stream;    ///< biases, weights and requantization, see mcu_few_channels_dsp.h
} mcu_conv2d_3x3_few_s8_dsp_params;

/// One group, no dilation; the number of input channels is in the name. Input
/// [batch][in_h][in_w][channels], output [batch][out_h][out_w][out_ch]; the output may begin so far
/// in front of the input that it overwrites only what no later step of four positions reads, see
/// the kernel; otherwise they must not overlap. Takes 380 to 570 bytes of stack.
void mcu_conv2d_3x3_c1_s8_dsp(const mcu_conv2d_3x3_few_s8_dsp_params *params, const int8_t *input,
                              int8_t *output);
void mcu_conv2d_3x3_c2_s8_dsp(const mcu_conv2d_3x3_few_s8_dsp_params *params, const int8_t *input,
                              int8_t *output);
void mcu_conv2d_3x3_c3_s8_dsp(const mcu_conv2d_3x3_few_s8_dsp_params *params, const int8_t *input,
                              int8_t *output);
void mcu_conv2d_3x3_c4_s8_dsp(const mcu_conv2d_3x3_few_s8_dsp_params *params, const int8_t *input,
                              int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_3X3_FEW_S8_DSP_H */
