/* mcu_transpose_conv_s16.h: transposed 2-D convolution of int16 with int8 weights.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_TRANSPOSE_CONV_S16_H
#define MCU_TRANSPOSE_CONV_S16_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Input pixel (y, x) adds to the output pixels (y * stride_h - pad_top + [0, kernel_h),
/// x * stride_w - pad_left + [0, kernel_w)), as far as they exist.
typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t in_ch;
    int32_t out_h;
    int32_t out_w;
    int32_t out_ch;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t act_min; ///< fused activation, in units of the output
    int32_t act_max;
    int32_t wide;              ///< 1: sums are scaled as int64
    const int8_t *weights;     ///< [out_ch][kernel_h][kernel_w][in_ch]
    const int64_t *bias;       ///< [out_ch], scale input * weights; NULL for none
    const int32_t *multiplier; ///< [out_ch], Q0.31
    const int8_t *shift;       ///< [out_ch], [-31, 7], left when positive
} mcu_transpose_conv_s16_params;

/// Any shape, stride and padding; all zero points are 0.
/// input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch]; they must not overlap.
void mcu_transpose_conv_s16_ref(const mcu_transpose_conv_s16_params *params, const int16_t *input,
                                int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_TRANSPOSE_CONV_S16_H */
