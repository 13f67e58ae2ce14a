/* mcu_compare_f32.h: comparison of two float32 tensors.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_COMPARE_F32_H
#define MCU_COMPARE_F32_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
    int32_t
        holds; ///< bits 0 to 3: what holds if the first operand is less, equal, greater, or one NaN
} mcu_compare_f32_params;

/// Any shapes that broadcast within four axes.
/// output [counts[0]][counts[1]][counts[2]][counts[3]] of 0 and 1; it must not overlap the
/// operands.
void mcu_compare_f32_ref(const mcu_compare_f32_params *params, const float *input1,
                         const float *input2, uint8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_COMPARE_F32_H */
