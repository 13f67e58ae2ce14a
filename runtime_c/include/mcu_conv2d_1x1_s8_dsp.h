/* mcu_conv2d_1x1_s8_dsp.h: 1x1 convolution with stride 1 on int8 for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_1X1_S8_DSP_H
#define MCU_CONV2D_1X1_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t pixels;        ///< of all images
    int32_t in_ch;         ///< 4 or more
    int32_t out_ch;        ///< 4 or more
    const int32_t *stream; ///< biases, weights and requantization, see mcu_pointwise_dsp.h
} mcu_conv2d_1x1_s8_dsp_params;

/// Input [pixels][in_ch], output [pixels][out_ch]; the output may begin so far in front of the
/// input that it overwrites only what no later pair of pixels reads; otherwise they must not
/// overlap. scratch: two pixels as int16, 8 bytes for each pair of taps; aligned to 4.
void mcu_conv2d_1x1_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                           int8_t *output, void *scratch);

/// The same for 128 input channels.
void mcu_conv2d_1x1_k128_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                                int8_t *output, void *scratch);

/// The same for 4 to 64 input channels, with another stream, see mcu_pointwise_stack_dsp.h, for two
/// output channels or more. Pixels are read four at a time, then one at a time. Takes about 590
/// bytes of stack.
void mcu_conv2d_1x1_stack_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                                 int8_t *output);

/// The same for 8, 16, 32 and 64 input channels: 8 * in_ch and about 60 bytes of stack, but 250 or
/// more.
void mcu_conv2d_1x1_k8_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                              int8_t *output);
void mcu_conv2d_1x1_k16_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                               int8_t *output);
void mcu_conv2d_1x1_k32_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                               int8_t *output);
void mcu_conv2d_1x1_k64_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                               int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_1X1_S8_DSP_H */
