/* mcu_conv2d.h: 2-D convolution.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_H
#define MCU_CONV2D_H

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
    int32_t out_ch;
    int32_t groups; ///< divides in_ch and out_ch
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;       ///< rows of padding above the input
    int32_t pad_left;      ///< columns of padding left of the input
    int32_t input_offset;  ///< -zero_point of the input, [-127, 128]
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t act_min;       ///< fused activation, in units of the output
    int32_t act_max;
    const int8_t *weights;     ///< [out_ch][kernel_h][kernel_w][in_ch / groups]
    const int32_t *bias;       ///< [out_ch], scale input * weights; NULL for none
    const int32_t *multiplier; ///< [out_ch], Q0.31
    const int8_t *shift;       ///< [out_ch], [-31, 30], left when positive
} mcu_conv2d_s8_params;

/// Any shape, stride, dilation, padding and number of groups.
/// input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch]; the output may
/// begin so far in front of the input that it overwrites only what neither this position nor a
/// later one reads, channels being taken by fours; otherwise they must not overlap.
void mcu_conv2d_s8_ref(const mcu_conv2d_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_H */
