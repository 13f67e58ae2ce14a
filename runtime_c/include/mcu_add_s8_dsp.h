/* mcu_add_s8_dsp.h: sum of two int8 tensors of one shape for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ADD_S8_DSP_H
#define MCU_ADD_S8_DSP_H

#include "mcu_add_s8_linear.h"

#ifdef __cplusplus
extern "C" {
#endif

/// As mcu_add_s8_linear.
void mcu_add_s8_dsp(const mcu_add_s8_linear_params *params, const int8_t *input1,
                    const int8_t *input2, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ADD_S8_DSP_H */
