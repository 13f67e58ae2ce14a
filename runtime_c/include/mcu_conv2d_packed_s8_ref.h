/* mcu_conv2d_packed_s8_ref.h: 2-D convolution on int8 with packed weights, any core.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_PACKED_S8_REF_H
#define MCU_CONV2D_PACKED_S8_REF_H

#include <stdint.h>

#include "mcu_finish.h"

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
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;          ///< rows of padding above the input
    int32_t pad_left;         ///< columns of padding left of the input
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    mcu_finish finish;
    const int32_t *constants; ///< [out_ch filled up to fours][3], or [3] for all
    const uint8_t *weights;   ///< [out_ch / 4][taps][4], plus 128; taps filled up to fours with 0
    const int32_t *bias;      ///< [out_ch filled up to fours], the input's zero point folded in
} mcu_conv2d_packed_s8_params;

/// Input [batch][in_h][in_w][in_ch], output [batch][out_h][out_w][out_ch]; the output may begin so
/// far in front of the input that it overwrites no window that is still to be read. scratch: twice
/// kernel_h * kernel_w * in_ch bytes, filled up to a multiple of 4.
void mcu_conv2d_packed_s8_ref(const mcu_conv2d_packed_s8_params *params, const int8_t *input,
                              int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_PACKED_S8_REF_H */
