/* mcu_compare.h: comparison of two tensors.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_COMPARE_H
#define MCU_COMPARE_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
    int32_t offset1;     ///< -zero_point of the first operand, [-127, 128]
    int32_t offset2;     ///< -zero_point of the second operand, [-127, 128]
    int32_t multiplier1; ///< Q0.31, with shift1: scale of the first operand
    int32_t multiplier2; ///< Q0.31, with shift2: scale of the second operand
    int32_t shift1;      ///< [-31, 0]
    int32_t shift2;      ///< [-31, 0]
    int32_t holds;       ///< bits 0, 1, 2: what holds if the first operand is less, equal, greater
} mcu_compare_s8_params;

/// Any shapes that broadcast within four axes.
/// output [counts[0]][counts[1]][counts[2]][counts[3]] of 0 and 1. It may begin where an operand
/// does that repeats along no axis, or so far in front of any that it overwrites only what no later
/// element reads; otherwise it must not overlap the operands.
void mcu_compare_s8_ref(const mcu_compare_s8_params *params, const int8_t *input1,
                        const int8_t *input2, uint8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_COMPARE_H */
