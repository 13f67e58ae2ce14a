/* mcu_leaky_relu_s16.h: int16 values of which negative ones are multiplied by a constant.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_LEAKY_RELU_S16_H
#define MCU_LEAKY_RELU_S16_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    int32_t multiplier;      ///< Q0.31, input scale / output scale
    int32_t shift;           ///< [-31, 15], left when positive
    int32_t leak_multiplier; ///< the same times the size of the constant
    int32_t leak_shift;
    int32_t leak_sign; ///< of the constant, 1 or -1
} mcu_leaky_relu_s16_params;

/// All zero points are 0.
/// input and output [elements]; the output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_leaky_relu_s16_ref(const mcu_leaky_relu_s16_params *params, const int16_t *input,
                            int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_LEAKY_RELU_S16_H */
