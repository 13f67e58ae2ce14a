/* mcu_depthwise_conv2d_stride2_s8_dsp.h: 3x3 convolution of each channel by itself with stride 2,
 * straight from the image, for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_STRIDE2_S8_DSP_H
#define MCU_DEPTHWISE_CONV2D_STRIDE2_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;             ///< even, 4 or more
    int32_t in_w;             ///< a multiple of 4, 8 or more; below 65536 / channels
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    const int32_t *stream;    ///< [channels][7]: weights and requantization, see the kernel
} mcu_depthwise_conv2d_stride2_s8_dsp_params;

/// Kernel 3x3, stride 2, no dilation, padded by 1 to the right and below.
/// Input [batch][in_h][in_w][16], output [batch][in_h / 2][in_w / 2][16]; they must not overlap.
/// scratch: 68 bytes, aligned to 4.
void mcu_depthwise_conv2d_stride2_c16_s8_dsp(
    const mcu_depthwise_conv2d_stride2_s8_dsp_params *params, const int8_t *input, int8_t *output,
    void *scratch);

/// The same for 32 channels. scratch: 132 bytes.
void mcu_depthwise_conv2d_stride2_c32_s8_dsp(
    const mcu_depthwise_conv2d_stride2_s8_dsp_params *params, const int8_t *input, int8_t *output,
    void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_STRIDE2_S8_DSP_H */
