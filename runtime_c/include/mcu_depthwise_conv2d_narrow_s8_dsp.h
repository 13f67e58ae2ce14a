/* mcu_depthwise_conv2d_narrow_s8_dsp.h: 3x3 convolution of each channel of a narrow image, for
 * cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_NARROW_S8_DSP_H
#define MCU_DEPTHWISE_CONV2D_NARROW_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t channels; ///< 4 or more
    int32_t out_h;
    int32_t out_w;            ///< stride 1: 3 to 7 or 12; stride 2: 3, 4, 6 or 7
    int32_t pad_top;          ///< 0 or 1
    int32_t pad_bottom;       ///< 0 or 1, not 1 like pad_top where out_h is 1
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    const int32_t *stream;    ///< [channels][8]: weights and requantization, see the kernel
} mcu_depthwise_conv2d_narrow_s8_dsp_params;

/// Kernel 3x3, no dilation, stride 1, padded by 1 to the left and to the right: out_w is in_w.
/// Input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels]; they may be the
/// same. scratch: 48 bytes for each input row, 96 if in_w is 7; aligned to 4.
void mcu_depthwise_conv2d_narrow_s8_dsp(const mcu_depthwise_conv2d_narrow_s8_dsp_params *params,
                                        const int8_t *input, int8_t *output, void *scratch);

/// The same for 64 channels.
void mcu_depthwise_conv2d_narrow_c64_s8_dsp(const mcu_depthwise_conv2d_narrow_s8_dsp_params *params,
                                            const int8_t *input, int8_t *output, void *scratch);

/// The same for 64 channels and 12 columns. scratch: 96 bytes for each input row.
void mcu_depthwise_conv2d_twelve_c64_s8_dsp(const mcu_depthwise_conv2d_narrow_s8_dsp_params *params,
                                            const int8_t *input, int8_t *output, void *scratch);

/// As the first one with stride 2, padded by 1 to the right and by 0 to the left: out_w is half of
/// in_w. scratch: 48 bytes for each input row, 96 if in_w is above 6, 144 if it is above 12.
void mcu_depthwise_conv2d_narrow_stride2_s8_dsp(
    const mcu_depthwise_conv2d_narrow_s8_dsp_params *params, const int8_t *input, int8_t *output,
    void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_NARROW_S8_DSP_H */
