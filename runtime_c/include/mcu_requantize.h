/* mcu_requantize.h: another scale and zero point, and a clamp.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_REQUANTIZE_H
#define MCU_REQUANTIZE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    int32_t input_offset;  ///< -zero_point of the input, [-127, 128]
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t multiplier;    ///< Q0.31, input scale / output scale
    int32_t shift;         ///< [-31, 22], left when positive
    int32_t act_min;       ///< clamp, in units of the output
    int32_t act_max;
} mcu_requantize_s8_params;

/// QUANTIZE from int8 to int8, RELU, RELU6 and RELU_N1_TO_1.
/// input and output [elements]; the output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_requantize_s8_ref(const mcu_requantize_s8_params *params, const int8_t *input,
                           int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_REQUANTIZE_H */
