/* mcu_add_s16.h: sum and difference of two int16 tensors.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ADD_S16_H
#define MCU_ADD_S16_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
    int32_t multiplier1; ///< Q0.31, of the first operand shifted left by 15 bits
    int32_t multiplier2; ///< Q0.31, of the second operand shifted left by 15 bits
    int32_t shift1;      ///< [-31, 0]
    int32_t shift2;      ///< [-31, 0]
    int32_t multiplier;  ///< Q0.31, of the sum
    int32_t shift;       ///< [-31, 0]
    int32_t act_min;     ///< fused activation, in units of the output
    int32_t act_max;
} mcu_add_s16_params;

/// Any shapes that broadcast within four axes; all zero points are 0.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]. It may begin where an operand does that
/// repeats along no axis, or so far in front of any that it overwrites only what no later element
/// reads; otherwise it must not overlap the operands.
void mcu_add_s16_ref(const mcu_add_s16_params *params, const int16_t *input1, const int16_t *input2,
                     int16_t *output);

/// First less second operand; shapes and memory as above.
void mcu_sub_s16_ref(const mcu_add_s16_params *params, const int16_t *input1, const int16_t *input2,
                     int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ADD_S16_H */
