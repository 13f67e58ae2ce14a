/* mcu_conv2d_10x4_s8_dsp.h: convolution on int8 with a window of ten rows of four taps, stride 2
 * down the rows, as it stands at the front of networks that spot keywords, for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_10X4_S8_DSP_H
#define MCU_CONV2D_10X4_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;  ///< in_w * in_ch is 4 or more
    int32_t in_ch; ///< 1, 2 or 4: the window is 10x4, 10x2 or 10x1
    int32_t out_h; ///< 4 or more
    int32_t out_w;
    int32_t out_ch; ///< a multiple of 2
    int32_t stride_w;
    int32_t pad_top;          ///< rows of padding above the input
    int32_t pad_left;         ///< columns of padding left of the input, fewer than the window has
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    const int32_t *stream;    ///< biases, weights and requantization, see mcu_four_pixels_dsp.h
} mcu_conv2d_10x4_s8_dsp_params;

/// One group, no dilation. Input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch];
/// the output may begin so far in front of the input that it overwrites only what no later step of
/// four positions of a column reads; otherwise they must not overlap. Takes about 340 bytes of
/// stack.
void mcu_conv2d_10x4_s8_dsp(const mcu_conv2d_10x4_s8_dsp_params *params, const int8_t *input,
                            int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_10X4_S8_DSP_H */
