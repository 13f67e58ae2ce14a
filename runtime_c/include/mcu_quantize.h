/* mcu_quantize.h: from float32 to int8 or int16 and back.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_QUANTIZE_H
#define MCU_QUANTIZE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    float scale;        ///< of the integers, above 0
    int32_t zero_point; ///< of the integers, [-128, 127], of int16 0
} mcu_quantize_params;

/// input / scale, rounded, halves away from zero, plus the zero point, saturated.
/// input and output [elements]; they must not overlap.
void mcu_quantize_f32_s8_ref(const mcu_quantize_params *params, const float *input, int8_t *output);
void mcu_quantize_f32_s16_ref(const mcu_quantize_params *params, const float *input,
                              int16_t *output);

/// (input - zero point) * scale.
/// input and output [elements]; they must not overlap.
void mcu_dequantize_s8_f32_ref(const mcu_quantize_params *params, const int8_t *input,
                               float *output);
void mcu_dequantize_s16_f32_ref(const mcu_quantize_params *params, const int16_t *input,
                                float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_QUANTIZE_H */
