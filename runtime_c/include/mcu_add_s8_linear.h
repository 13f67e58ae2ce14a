/* mcu_add_s8_linear.h: sum of two int8 tensors of one shape.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ADD_S8_LINEAR_H
#define MCU_ADD_S8_LINEAR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t count;       ///< elements
    int32_t multiplier1; ///< of the first operand, scaled by 2^shift
    int32_t multiplier2; ///< of the second operand, scaled by 2^shift
    int32_t offset;      ///< zero points and half a step of the output, scaled by 2^shift
    int32_t shift;       ///< [0, 31]
} mcu_add_s8_linear_params;

/// output [count]; it may begin where an operand does, otherwise it must not overlap them.
void mcu_add_s8_linear(const mcu_add_s8_linear_params *params, const int8_t *input1,
                       const int8_t *input2, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ADD_S8_LINEAR_H */
