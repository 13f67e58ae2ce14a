/* mcu_fully_connected_s8_mve.h: dense layer on int8 for cores with Helium.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_S8_MVE_H
#define MCU_FULLY_CONNECTED_S8_MVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in;
    int32_t out;
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t act_min;       ///< clamp, output units
    int32_t act_max;
    const int32_t *stream; ///< weights, biases and requantization, see the kernel
} mcu_fully_connected_s8_mve_params;

/// Input [batch][in], output [batch][out]. Eight outputs are written after the whole row of the
/// input was read; the output may begin so far in front of the input that it overwrites nothing
/// that is still to be read, otherwise they must not overlap.
void mcu_fully_connected_s8_mve(const mcu_fully_connected_s8_mve_params *params,
                                const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_S8_MVE_H */
