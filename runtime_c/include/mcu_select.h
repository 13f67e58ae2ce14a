/* mcu_select.h: elements of one of two tensors, as a condition says.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_SELECT_H
#define MCU_SELECT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Operand element at (i, j, k, l): i * steps[0] + j * steps[1] + k * steps[2] + l * steps[3].
typedef struct {
    int32_t counts[4];          ///< shape of the output
    int32_t condition_steps[4]; ///< elements; 0 along an axis where the condition repeats
    int32_t true_steps[4];      ///< the same for the choice where the condition holds
    int32_t false_steps[4];     ///< the same for the choice where it does not
} mcu_select_params;

/// Any shapes that broadcast within four axes; the choices have the output's scale and zero point.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]; it must not overlap the operands.
void mcu_select_s8_ref(const mcu_select_params *params, const uint8_t *condition,
                       const int8_t *where_true, const int8_t *where_false, int8_t *output);
void mcu_select_f32_ref(const mcu_select_params *params, const uint8_t *condition,
                        const float *where_true, const float *where_false, float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_SELECT_H */
