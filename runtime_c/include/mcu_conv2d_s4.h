/* mcu_conv2d_s4.h: 2-D convolution of int8 values with int4 weights.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONV2D_S4_H
#define MCU_CONV2D_S4_H

#include <stdint.h>

#include "mcu_conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef mcu_conv2d_s8_params mcu_conv2d_s4_params; ///< the weights two in a byte, see mcu_int4.h

/// As mcu_conv2d_s8_ref; but where it overwrites its input, channels are taken one by one.
void mcu_conv2d_s4_ref(const mcu_conv2d_s4_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONV2D_S4_H */
