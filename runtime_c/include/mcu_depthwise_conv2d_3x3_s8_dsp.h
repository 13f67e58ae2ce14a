/* mcu_depthwise_conv2d_3x3_s8_dsp.h: depthwise 3x3 convolution on int8 for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_3X3_S8_DSP_H
#define MCU_DEPTHWISE_CONV2D_3X3_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t channels; ///< a multiple of 4
    int32_t out_h;
    int32_t out_w;
    int32_t pad_top;          ///< rows of padding above the input, 0 or 1
    int32_t pad_left;         ///< columns of padding left of the input, 0 or 1
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    int32_t clamped;          ///< 1: the output clamps at its zero point -128, else 0
    const int32_t *stream;    ///< [channels][9]: weights, bias and requantization, see the kernel
} mcu_depthwise_conv2d_3x3_s8_dsp_params;

/// Stride 1. Input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels]; they must
/// not overlap. scratch: 32 * (R + 2) bytes, R = out_h + 2 rounded up to a multiple of 3; aligned
/// to 4.
void mcu_depthwise_conv2d_3x3_s8_dsp(const mcu_depthwise_conv2d_3x3_s8_dsp_params *params,
                                     const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_3X3_S8_DSP_H */
