/* mcu_reduce.h: largest and smallest values over one or two groups of axes.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_REDUCE_H
#define MCU_REDUCE_H

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
    int32_t flip; ///< 0: the largest value; -1: all bits are flipped, which makes it the smallest
} mcu_reduce_max_s8_params;

/// input [outer][rows][middle][cols][inner], output [outer][middle][inner]; they must not overlap.
void mcu_reduce_max_s8_ref(const mcu_reduce_max_s8_params *params, const int8_t *input,
                           int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_REDUCE_H */
