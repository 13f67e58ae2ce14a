/* mcu_conv2d_winograd_s8_dsp.h: 3x3 convolution on int8, stride 1, with a quarter of the products.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_WINOGRAD_S8_DSP_H
#define MCU_CONV2D_WINOGRAD_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t in_ch; ///< a multiple of 16
    int32_t out_h;
    int32_t out_w;
    int32_t out_ch;           ///< a multiple of 4
    int32_t pad_top;          ///< rows of padding above the input
    int32_t pad_left;         ///< columns of padding left of the input
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    int32_t form;             ///< 0, 1 or 2: how sums become outputs, see the kernel
    const int32_t *stream;    ///< weights, biases and requantization, see the kernel
} mcu_conv2d_winograd_s8_dsp_params;

/// One group, no dilation. Input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch];
/// the output may begin so far in front of the input that it overwrites only what no later pair of
/// tiles of 4x4 positions reads; otherwise they must not overlap.
/// scratch: 168 * in_ch bytes and 36 * in_ch or, if that is less, 1152 more; aligned to 4.
void mcu_conv2d_winograd_s8_dsp(const mcu_conv2d_winograd_s8_dsp_params *params,
                                const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_WINOGRAD_S8_DSP_H */
