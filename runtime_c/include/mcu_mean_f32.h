/* mcu_mean_f32.h: mean over one or two groups of axes on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MEAN_F32_H
#define MCU_MEAN_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The input is seen as [outer][rows][middle][cols][inner]; rows and cols are averaged away.
typedef struct {
    int32_t outer;
    int32_t rows;
    int32_t middle;
    int32_t cols;
    int32_t inner;
    float divisor; ///< of the sums: rows * cols for a mean, 1 for a sum
} mcu_mean_f32_params;

/// Any sizes. Values are added in the order of the input.
/// input [outer][rows][middle][cols][inner], output [outer][middle][inner]; they must not overlap.
void mcu_mean_f32_ref(const mcu_mean_f32_params *params, const float *input, float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_MEAN_F32_H */
