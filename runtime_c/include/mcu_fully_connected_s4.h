/* mcu_fully_connected_s4.h: a dense layer on int8 with int4 weights.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_S4_H
#define MCU_FULLY_CONNECTED_S4_H

#include <stdint.h>

#include "mcu_fully_connected.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef mcu_fully_connected_s8_params
    mcu_fully_connected_s4_params; ///< the weights two in a byte, see mcu_int4.h

/// Any sizes. input [batch][in], output [batch][out]; they must not overlap.
void mcu_fully_connected_s4_ref(const mcu_fully_connected_s4_params *params, const int8_t *input,
                                int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_S4_H */
