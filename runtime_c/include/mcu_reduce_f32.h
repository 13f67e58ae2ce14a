/* mcu_reduce_f32.h: the largest or the smallest value over one or two groups of axes, on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_REDUCE_F32_H
#define MCU_REDUCE_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The input is seen as [outer][rows][middle][cols][inner]; rows and cols are reduced.
typedef struct {
    int32_t outer;
    int32_t rows;
    int32_t middle;
    int32_t cols;
    int32_t inner;
    float sign; ///< 1: the largest value; -1: the smallest
} mcu_reduce_max_f32_params;

/// input [outer][rows][middle][cols][inner], output [outer][middle][inner]; they must not overlap.
void mcu_reduce_max_f32_ref(const mcu_reduce_max_f32_params *params, const float *input,
                            float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_REDUCE_F32_H */
