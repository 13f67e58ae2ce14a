/* mcu_difference.h: difference of two tensors, and its square.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DIFFERENCE_H
#define MCU_DIFFERENCE_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
    int32_t offset1;       ///< -zero_point of the first operand, [-127, 128]
    int32_t offset2;       ///< -zero_point of the second operand, [-127, 128]
    int32_t multiplier1;   ///< Q0.31, of the first operand shifted left
    int32_t multiplier2;   ///< Q0.31, of the second operand shifted left
    int32_t shift1;        ///< [-31, 0]
    int32_t shift2;        ///< [-31, 0]
    int32_t multiplier;    ///< Q0.31, of the difference or its square
    int32_t shift;         ///< [-31, 0]
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t act_min;       ///< fused activation, in units of the output
    int32_t act_max;
} mcu_difference_s8_params;

/// First less second operand, any shapes that broadcast within four axes.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]. It may begin where an operand does that
/// repeats along no axis, or so far in front of any that it overwrites only what no later element
/// reads; otherwise it must not overlap the operands.
void mcu_sub_s8_ref(const mcu_difference_s8_params *params, const int8_t *input1,
                    const int8_t *input2, int8_t *output);

/// The square of the difference; shapes and memory as above.
void mcu_squared_difference_s8_ref(const mcu_difference_s8_params *params, const int8_t *input1,
                                   const int8_t *input2, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DIFFERENCE_H */
