/* mcu_add_s8_mve.h: sum of two int8 tensors of one shape for cores with Helium.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ADD_S8_MVE_H
#define MCU_ADD_S8_MVE_H

#include "mcu_add_s8_linear.h"

#ifdef __cplusplus
extern "C" {
#endif

/// As mcu_add_s8_linear.
void mcu_add_s8_mve(const mcu_add_s8_linear_params *params, const int8_t *input1,
                    const int8_t *input2, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ADD_S8_MVE_H */
