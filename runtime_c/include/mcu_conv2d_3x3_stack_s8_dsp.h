/* mcu_conv2d_3x3_stack_s8_dsp.h: 3x3 convolutions on int8 for cores with SIMD whose window lies on
 * the stack, stride 1 and stride 2.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_3X3_STACK_S8_DSP_H
#define MCU_CONV2D_3X3_STACK_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;  ///< 6 or more, with stride 2 9 or more
    int32_t in_ch; ///< a multiple of 16
    int32_t out_h;
    int32_t out_w;            ///< 4 or more
    int32_t out_ch;           ///< a multiple of 2
    int32_t pad_top;          ///< rows of padding above the input, 0 or 1
    int32_t pad_left;         ///< columns of padding left of the input, 0 or 1
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    int32_t fixed;            ///< 1: one shift for all channels, else 0, see the kernel
    const int32_t *stream;    ///< biases, weights and requantization, see the kernel
} mcu_conv2d_3x3_stack_s8_dsp_params;

/// One group, no dilation. Input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch];
/// the output may begin so far in front of the input that it overwrites only what no later step of
/// four positions, in each of two rows, reads; otherwise they must not overlap.
/// Takes about 950 bytes of stack. scratch: 16 * out_ch bytes, twice that for two rows of output or
/// more, aligned to 4, or none for 16 input channels.
void mcu_conv2d_3x3_stack_s8_dsp(const mcu_conv2d_3x3_stack_s8_dsp_params *params,
                                 const int8_t *input, int8_t *output, void *scratch);

/// The same with stride 2, in steps of four positions of one row. Takes about 1,050 bytes of stack.
/// scratch: 16 * out_ch bytes, aligned to 4, or none for 16 input channels.
void mcu_conv2d_3x3_stride2_s8_dsp(const mcu_conv2d_3x3_stack_s8_dsp_params *params,
                                   const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_3X3_STACK_S8_DSP_H */
