/* mcu_l2_normalization.h: rows divided by their Euclidean length.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_L2_NORMALIZATION_H
#define MCU_L2_NORMALIZATION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t rows;
    int32_t depth;        ///< [1, 33025]
    int32_t input_offset; ///< -zero_point of the input, [-127, 128]
} mcu_l2_normalization_s8_params;

/// input and output [rows][depth]; output has scale 1/128 and zero point 0.
/// The output may begin where the input does or in front of it; otherwise they must not overlap.
void mcu_l2_normalization_s8_ref(const mcu_l2_normalization_s8_params *params, const int8_t *input,
                                 int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_L2_NORMALIZATION_H */
