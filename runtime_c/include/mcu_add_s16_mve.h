/* mcu_add_s16_mve.h: sum of two int16 tensors of one shape for cores with Helium.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ADD_S16_MVE_H
#define MCU_ADD_S16_MVE_H

#include "mcu_add_s16_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

/// As mcu_add_s16_dsp.
void mcu_add_s16_mve(const mcu_add_s16_dsp_params *params, const int16_t *input1,
                     const int16_t *input2, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ADD_S16_MVE_H */
