/* mcu_fully_connected_s16_dsp.h: a dense layer on int16 with int8 weights for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_S16_DSP_H
#define MCU_FULLY_CONNECTED_S16_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in; ///< 4 or more
    int32_t out;
    int32_t relu;          ///< 1: outputs are clamped to [0, 32767], 0: to all of int16
    const int32_t *stream; ///< biases, weights and multipliers, see the kernel
} mcu_fully_connected_s16_dsp_params;

/// Input [batch][in], output [batch][out]; all zero points are 0. Four outputs are written after
/// the whole row of the input was read; the output may begin so far in front of the input that it
/// overwrites nothing that is still to be read, otherwise they must not overlap.
void mcu_fully_connected_s16_dsp(const mcu_fully_connected_s16_dsp_params *params,
                                 const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_S16_DSP_H */
