/* mcu_depthwise_conv2d_packed_s8_ref.h: depthwise convolution on int8 with packed weights, any
 * core. SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_PACKED_S8_REF_H
#define MCU_DEPTHWISE_CONV2D_PACKED_S8_REF_H

#include <stdint.h>

#include "mcu_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;          ///< rows of padding above the input
    int32_t pad_left;         ///< columns of padding left of the input
    int32_t input_zero_point; ///< what padding holds, [-128, 127]
    mcu_finish finish;
    const int32_t *constants; ///< [channels][3], or [3] for all, see mcu_finish.h
    const int8_t *weights;    ///< [channels / 4][taps][4], then [taps] of each channel that is left
    const int32_t *bias;      ///< [channels], the input's zero point folded in
} mcu_depthwise_conv2d_packed_s8_params;

/// Input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels]; the output may
/// begin so far in front of the input that it overwrites only what neither this position nor a
/// later one reads, channels being taken by fours. scratch: kernel_h * kernel_w * channels bytes.
void mcu_depthwise_conv2d_packed_s8_ref(const mcu_depthwise_conv2d_packed_s8_params *params,
                                        const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_PACKED_S8_REF_H */
