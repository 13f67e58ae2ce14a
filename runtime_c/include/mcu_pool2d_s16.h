/* mcu_pool2d_s16.h: average and maximum of int16 values over a sliding window.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_POOL2D_S16_H
#define MCU_POOL2D_S16_H

#include <stdint.h>

#include "mcu_pool2d.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef mcu_pool2d_s8_params mcu_pool2d_s16_params; ///< the clamp within [-32768, 32767]

/// The mean of the window, halves away from zero; padding does not count.
/// input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels], of the same scale
/// and zero point 0. At most 2^15 values per window. The output may begin so far in front of the
/// input that it overwrites only what neither this position nor a later one reads, channels being
/// taken by fours, the rest one by one; otherwise they must not overlap.
void mcu_average_pool2d_s16_ref(const mcu_pool2d_s16_params *params, const int16_t *input,
                                int16_t *output);

/// The largest value of the window. Layout and overlap as above.
void mcu_max_pool2d_s16_ref(const mcu_pool2d_s16_params *params, const int16_t *input,
                            int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_POOL2D_S16_H */
