/* mcu_fully_connected_s16_mve.h: dense layer of int16 with int8 weights for cores with Helium.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_S16_MVE_H
#define MCU_FULLY_CONNECTED_S16_MVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in;
    int32_t out;
    int32_t act_min;       ///< the least output: -32768, or 0 behind a ReLU
    const int32_t *stream; ///< biases, weights and multipliers, see the kernel
} mcu_fully_connected_s16_mve_params;

/// Input [batch][in], output [batch][out]; all zero points are 0. Eight outputs are written after
/// the whole row of the input was read; the output may begin so far in front of the input that it
/// overwrites nothing that is still to be read, otherwise they must not overlap.
void mcu_fully_connected_s16_mve(const mcu_fully_connected_s16_mve_params *params,
                                 const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_S16_MVE_H */
