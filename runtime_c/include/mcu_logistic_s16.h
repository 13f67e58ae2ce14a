/* mcu_logistic_s16.h: sigmoid and hyperbolic tangent of int16 tensors.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_LOGISTIC_S16_H
#define MCU_LOGISTIC_S16_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    int32_t multiplier;    ///< (input scale * 3 * 2^12) * 2^shift, below 2^16
    int32_t shift;         ///< to the right, [0, 31]
    const uint16_t *table; ///< [256], see mcu_sigmoid_s16.h
} mcu_logistic_s16_params;

/// The sigmoid in Q0.15. The zero points are 0.
/// input and output [elements]; the output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_logistic_s16_ref(const mcu_logistic_s16_params *params, const int16_t *input,
                          int16_t *output);

/// The hyperbolic tangent in Q0.15; the same otherwise.
void mcu_tanh_s16_ref(const mcu_logistic_s16_params *params, const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_LOGISTIC_S16_H */
