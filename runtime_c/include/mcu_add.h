/* mcu_add.h: sum of two tensors.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ADD_H
#define MCU_ADD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Operand element at (i, j, k, l): i * steps[0] + j * steps[1] + k * steps[2] + l * steps[3].
typedef struct {
    int32_t counts[4];     ///< shape of the output
    int32_t steps1[4];     ///< elements; 0 along an axis where the first operand repeats
    int32_t steps2[4];     ///< the same for the second operand
    int32_t offset1;       ///< -zero_point of the first operand, [-127, 128]
    int32_t offset2;       ///< -zero_point of the second operand, [-127, 128]
    int32_t multiplier1;   ///< Q0.31, of the first operand shifted left by 20 bits
    int32_t multiplier2;   ///< Q0.31, of the second operand shifted left by 20 bits
    int32_t shift1;        ///< [-31, 0]
    int32_t shift2;        ///< [-31, 0]
    int32_t multiplier;    ///< Q0.31, of the sum
    int32_t shift;         ///< [-31, 0]
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t act_min;       ///< fused activation, in units of the output
    int32_t act_max;
} mcu_add_s8_params;

/// Any shapes that broadcast within four axes.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]. It may begin where an operand does that
/// repeats along no axis, or so far in front of any that it overwrites only what no later sum
/// reads; otherwise it must not overlap the operands.
void mcu_add_s8_ref(const mcu_add_s8_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ADD_H */
