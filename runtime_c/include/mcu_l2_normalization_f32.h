/* mcu_l2_normalization_f32.h: rows divided by their Euclidean length, on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_L2_NORMALIZATION_F32_H
#define MCU_L2_NORMALIZATION_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t rows;
    int32_t depth;
} mcu_l2_normalization_f32_params;

/// A length below 1e-6 counts as that much.
/// input and output [rows][depth]. They may be the same memory, and must not overlap otherwise.
void mcu_l2_normalization_f32_ref(const mcu_l2_normalization_f32_params *params, const float *input,
                                  float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_L2_NORMALIZATION_F32_H */
