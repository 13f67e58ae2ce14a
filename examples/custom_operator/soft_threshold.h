/* soft_threshold.h: moves values towards zero, and those near zero to zero.
 * SPDX-License-Identifier: MIT-0 */
#ifndef SOFT_THRESHOLD_H
#define SOFT_THRESHOLD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    int32_t zero_point; ///< of input and output, [-128, 127]
    int32_t steps;      ///< the threshold in steps of the scale, [0, 255]
} soft_threshold_params;

/// The output may be the input.
void soft_threshold_s8(const soft_threshold_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* SOFT_THRESHOLD_H */
