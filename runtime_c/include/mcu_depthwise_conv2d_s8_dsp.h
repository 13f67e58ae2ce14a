/* mcu_depthwise_conv2d_s8_dsp.h: 2-D convolution of each channel by itself, for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_S8_DSP_H
#define MCU_DEPTHWISE_CONV2D_S8_DSP_H

#include <stdint.h>

#include "mcu_planes_layout.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_bytes;   ///< of an image
    int32_t out_bytes;  ///< of its results
    int32_t out_ch;     ///< in_ch * multiplier
    int32_t multiplier; ///< output channels of each input channel
    int32_t kernel_h;
    int32_t kernel_fours; ///< kernel_w / 4, rounded up
    int32_t stride_h;
    int32_t stride_w;
    int32_t clamped; ///< 1: the output clamps at its zero point -128, else 0
    mcu_planes_filling filling;
    mcu_planes_results results;
    const int32_t *stream; ///< weights, bias and requantization of each channel, see the kernel
} mcu_depthwise_conv2d_s8_dsp_params;

/// Any kernel and stride, no dilation. Input [batch][in_h][in_w][in_ch],
/// output [batch][out_h][out_w][out_ch]. With a multiplier of 1 and no more output than input
/// pixels the output may be the input; otherwise they must not overlap.
/// scratch: 4 * filling.plane_bytes, or out_ch times that where there are fewer; aligned to 4.
void mcu_depthwise_conv2d_s8_dsp(const mcu_depthwise_conv2d_s8_dsp_params *params,
                                 const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_S8_DSP_H */
