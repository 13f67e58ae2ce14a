/* mcu_fully_connected_s8_dsp.h: dense layers on int8 for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_S8_DSP_H
#define MCU_FULLY_CONNECTED_S8_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in; ///< 4 or more
    int32_t out;
    int32_t clamped;       ///< 1: the output clamps at its zero point -128, else 0
    int32_t alike;         ///< 1: all outputs have the same constants of requantization, else 0
    const int32_t *stream; ///< biases, weights and requantization, see the kernel
} mcu_fully_connected_s8_dsp_params;

/// Input [batch][in], output [batch][out]. Eight outputs are written after the whole row of the
/// input was read; the output may begin so far in front of the input that it overwrites nothing
/// that is still to be read, otherwise they must not overlap.
void mcu_fully_connected_s8_dsp(const mcu_fully_connected_s8_dsp_params *params,
                                const int8_t *input, int8_t *output);

/// The same with the inputs on the stack: a whole row of the output is written after that of the
/// input was read. Takes about 400 bytes of stack. scratch: four bytes for each output, rounded up
/// to a multiple of eight, aligned to 4, or none for 128 inputs or fewer.
void mcu_fully_connected_stack_s8_dsp(const mcu_fully_connected_s8_dsp_params *params,
                                      const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_S8_DSP_H */
