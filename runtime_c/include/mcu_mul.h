/* mcu_mul.h: product of two tensors.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MUL_H
#define MCU_MUL_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
    int32_t offset1;       ///< -zero_point of the first operand, [-127, 128]
    int32_t offset2;       ///< -zero_point of the second operand, [-127, 128]
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t multiplier; ///< Q0.31, scale of the first * scale of the second / scale of the output
    int32_t shift;      ///< [-31, 14], left when positive
    int32_t act_min;    ///< fused activation, in units of the output
    int32_t act_max;
} mcu_mul_s8_params;

/// Any shapes that broadcast within four axes.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]. It may begin where an operand does that
/// repeats along no axis, or so far in front of any that it overwrites only what no later element
/// reads; otherwise it must not overlap the operands.
void mcu_mul_s8_ref(const mcu_mul_s8_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_MUL_H */
