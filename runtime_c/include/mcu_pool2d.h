/* mcu_pool2d.h: average and maximum over a sliding window.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_POOL2D_H
#define MCU_POOL2D_H

#include <stdint.h>

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
    int32_t window_h;
    int32_t window_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;  ///< rows of padding above the input
    int32_t pad_left; ///< columns of padding left of the input
    int32_t act_min;  ///< fused activation, in units of the output, [-128, 127]
    int32_t act_max;
} mcu_pool2d_s8_params;

/// The mean of the window, halves away from zero; padding does not count.
/// input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels], of the same scale
/// and zero point. At most 2^24 values per window. The output may begin so far in front of the
/// input that it overwrites only what neither this position nor a later one reads, channels being
/// taken by fours; otherwise they must not overlap.
void mcu_average_pool2d_s8_ref(const mcu_pool2d_s8_params *params, const int8_t *input,
                               int8_t *output);

/// The same for cores with SIMD: a multiple of 8 channels, taken by eights, windows of at most 256
/// values.
void mcu_average_pool2d_s8_dsp(const mcu_pool2d_s8_params *params, const int8_t *input,
                               int8_t *output);

/// The largest value of the window. Layout and overlap as of the first.
void mcu_max_pool2d_s8_ref(const mcu_pool2d_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_POOL2D_H */
