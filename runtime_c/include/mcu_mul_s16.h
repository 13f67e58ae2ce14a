/* mcu_mul_s16.h: product of two int16 tensors.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MUL_S16_H
#define MCU_MUL_S16_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
    int32_t multiplier; ///< Q0.31, scale of the first * scale of the second / scale of the output
    int32_t shift;      ///< [-31, 0]
    int32_t act_min;    ///< fused activation, in units of the output
    int32_t act_max;
} mcu_mul_s16_params;

/// Any shapes that broadcast within four axes; all zero points are 0.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]. It may begin where an operand does that
/// repeats along no axis, or so far in front of any that it overwrites only what no later element
/// reads; otherwise it must not overlap the operands.
void mcu_mul_s16_ref(const mcu_mul_s16_params *params, const int16_t *input1, const int16_t *input2,
                     int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_MUL_S16_H */
