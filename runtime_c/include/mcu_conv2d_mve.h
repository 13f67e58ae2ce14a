/* mcu_conv2d_mve.h: 2-D convolution of int8, or of int16 with int8 weights, for cores with Helium.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_MVE_H
#define MCU_CONV2D_MVE_H

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
    int32_t out_ch; ///< at most 16,383
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;          ///< rows of padding above the input
    int32_t pad_left;         ///< columns of padding left of the input
    int32_t input_zero_point; ///< what padding holds, [-128, 127]; int16: 0
    int32_t output_offset;    ///< zero_point of the output, [-128, 127]; int16: 0
    int32_t clamped;          ///< 1: the output clamps at its zero point, -128 or 0, else 0
    const int32_t *stream;    ///< weights, biases and requantization, see the kernels
} mcu_conv2d_mve_params;

/// One group, no dilation. Input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch];
/// the output may begin so far in front of the input that it overwrites only what no later four
/// positions read; otherwise they must not overlap.
/// scratch: 5 * T bytes, T = kernel_h * kernel_w * in_ch values of the input, rounded up to a
/// multiple of 16; aligned to 4.
void mcu_conv2d_s8_mve(const mcu_conv2d_mve_params *params, const int8_t *input, int8_t *output,
                       void *scratch);
void mcu_conv2d_s16_mve(const mcu_conv2d_mve_params *params, const int16_t *input, int16_t *output,
                        void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_MVE_H */
