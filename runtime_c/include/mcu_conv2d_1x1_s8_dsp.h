/* mcu_conv2d_1x1_s8_dsp.h: 1x1 convolution on int8 for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_1X1_S8_DSP_H
#define MCU_CONV2D_1X1_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t pixels;        ///< batch * height * width, 2 or more
    int32_t in_ch;         ///< 1 or more
    int32_t out_ch;        ///< 1 or more
    int32_t clamped;       ///< 1: the output clamps at its zero point -128, else 0
    const int32_t *stream; ///< biases, weights and requantization, see the kernel
} mcu_conv2d_1x1_s8_dsp_params;

/// Stride 1, no padding. input [pixels][in_ch], output [pixels][out_ch]; they must not overlap.
/// scratch: 4 * in_ch bytes, in_ch rounded up to a multiple of 4, aligned to 4.
void mcu_conv2d_1x1_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                           int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_1X1_S8_DSP_H */
