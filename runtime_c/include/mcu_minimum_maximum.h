/* mcu_minimum_maximum.h: the smaller or the larger of two tensors' elements.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MINIMUM_MAXIMUM_H
#define MCU_MINIMUM_MAXIMUM_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
} mcu_minimum_maximum_s8_params;

/// Any shapes that broadcast within four axes; operands and output have one scale and zero point.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]. It may begin where an operand does that
/// repeats along no axis, or so far in front of any that it overwrites only what no later element
/// reads; otherwise it must not overlap the operands.
void mcu_minimum_s8_ref(const mcu_minimum_maximum_s8_params *params, const int8_t *input1,
                        const int8_t *input2, int8_t *output);

/// The larger elements; shapes and memory as above.
void mcu_maximum_s8_ref(const mcu_minimum_maximum_s8_params *params, const int8_t *input1,
                        const int8_t *input2, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_MINIMUM_MAXIMUM_H */
