/* mcu_add_s8_dsp.h: sum of two int8 tensors of one shape for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ADD_S8_DSP_H
#define MCU_ADD_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t count;       ///< elements
    int32_t multiplier1; ///< of the first operand, scaled by 2^28
    int32_t multiplier2; ///< of the second operand, scaled by 2^28
    int32_t offset;      ///< zero points and half a step of the output, scaled by 2^20
} mcu_add_s8_dsp_params;

/// output [count]; it may begin where an operand does, otherwise it must not overlap them.
void mcu_add_s8_dsp(const mcu_add_s8_dsp_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ADD_S8_DSP_H */
