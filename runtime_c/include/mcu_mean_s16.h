/* mcu_mean_s16.h: mean of int16 values over one or two groups of axes.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MEAN_S16_H
#define MCU_MEAN_S16_H

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
    int32_t multiplier; ///< Q0.31, input scale / output scale / (rows * cols)
    int32_t shift;      ///< [-31, 30], left when positive
} mcu_mean_s16_params;

/// Any sizes with rows * cols < 2^16; all zero points are 0.
/// input [outer][rows][middle][cols][inner], output [outer][middle][inner]; they must not overlap.
void mcu_mean_s16_ref(const mcu_mean_s16_params *params, const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_MEAN_S16_H */
