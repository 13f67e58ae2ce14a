/* mcu_requantize.h: another scale and zero point, or type, and a clamp.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_REQUANTIZE_H
#define MCU_REQUANTIZE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    int32_t input_offset;  ///< -zero_point of the input, [-127, 128], of int16 0
    int32_t output_offset; ///< zero_point of the output, [-128, 127], of int16 0
    int32_t multiplier;    ///< Q0.31, input scale / output scale
    int32_t shift;         ///< [-31, 22], of an int16 input [-31, 15], left when positive
    int32_t act_min;       ///< clamp, in units of the output
    int32_t act_max;
} mcu_requantize_params;

/// QUANTIZE from int8 to int8, RELU, RELU6 and RELU_N1_TO_1.
/// input and output [elements]; the output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_requantize_s8_ref(const mcu_requantize_params *params, const int8_t *input,
                           int8_t *output);

/// The same for int16.
void mcu_requantize_s16_ref(const mcu_requantize_params *params, const int16_t *input,
                            int16_t *output);

/// QUANTIZE from int16 to int8; layout and overlap as above.
void mcu_requantize_s16_s8_ref(const mcu_requantize_params *params, const int16_t *input,
                               int8_t *output);

/// QUANTIZE from int8 to int16. input and output [elements]; they must not overlap.
void mcu_requantize_s8_s16_ref(const mcu_requantize_params *params, const int8_t *input,
                               int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_REQUANTIZE_H */
