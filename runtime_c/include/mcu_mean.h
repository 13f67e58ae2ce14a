/* mcu_mean.h: mean over one or two groups of axes.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MEAN_H
#define MCU_MEAN_H

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
    int32_t sum_offset;    ///< -zero_point of the input * rows * cols
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t multiplier;    ///< Q0.31, input scale / output scale / (rows * cols)
    int32_t shift;         ///< [-31, 30], left when positive
} mcu_mean_s8_params;

/// Any sizes with rows * cols < 2^23.
/// input [outer][rows][middle][cols][inner], output [outer][middle][inner]; the output may
/// begin so far in front of the input that it overwrites only what no later output reads, the inner
/// axis being taken by fours; otherwise they must not overlap.
void mcu_mean_s8_ref(const mcu_mean_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_MEAN_H */
