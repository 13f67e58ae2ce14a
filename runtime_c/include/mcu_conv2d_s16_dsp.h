/* mcu_conv2d_s16_dsp.h: 2-D convolution of int16 values with int8 weights for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_S16_DSP_H
#define MCU_CONV2D_S16_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t in_ch;
    int32_t out_h;
    int32_t out_w;
    int32_t out_ch; ///< 2 or more
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;       ///< rows of padding above the input
    int32_t pad_left;      ///< columns of padding left of the input
    int32_t is_relu;       ///< 1: outputs are clamped to [0, 32767], 0: to [-32768, 32767]
    const int32_t *stream; ///< biases, weights and multipliers, see the kernel
} mcu_conv2d_s16_dsp_params;

/// One group, no dilation, zero points 0, window rows of two taps or more.
/// input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch]; the output may begin so
/// far in front of the input that it overwrites only what no later step reads, steps being of four
/// positions, and of one where fewer are left; otherwise they must not overlap.
/// scratch: 16 bytes for each two taps of a row of the window, rounded up; aligned to 4.
void mcu_conv2d_s16_dsp(const mcu_conv2d_s16_dsp_params *params, const int16_t *input,
                        int16_t *output, void *scratch);

/// The same for windows of up to 32 words, a word being two taps of a row; no scratch. See the
/// kernel for the order of its stream.
void mcu_conv2d_stack_s16_dsp(const mcu_conv2d_s16_dsp_params *params, const int16_t *input,
                              int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_S16_DSP_H */
