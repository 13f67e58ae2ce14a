/* mcu_binary_f32.h: operators with two float32 operands.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_BINARY_F32_H
#define MCU_BINARY_F32_H

#include <stdint.h>

#include "mcu_float.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Operand element at (i, j, k, l): i * steps[0] + j * steps[1] + k * steps[2] + l * steps[3].
typedef struct {
    int32_t counts[4]; ///< shape of the output
    int32_t steps1[4]; ///< elements; 0 along an axis where the first operand repeats
    int32_t steps2[4]; ///< the same for the second operand
    float act_min;     ///< fused activation
    float act_max;
} mcu_binary_f32_params;

/// Any shapes that broadcast within four axes.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]; it may be the same memory as an operand
/// that repeats along no axis, and must not overlap the operands otherwise.
void mcu_add_f32_ref(const mcu_binary_f32_params *params, const float *input1, const float *input2,
                     float *output);

/// The loops of these operators; inlined with `combine`, which computes one element.
static inline void mcu_binary_f32(const mcu_binary_f32_params *p, const float *input1,
                                  const float *input2, float *output,
                                  float (*combine)(float a, float b)) {
    for (int32_t i = 0; i < p->counts[0]; i++) {
        for (int32_t j = 0; j < p->counts[1]; j++) {
            for (int32_t k = 0; k < p->counts[2]; k++) {
                const float *a = input1 + i * p->steps1[0] + j * p->steps1[1] + k * p->steps1[2];
                const float *b = input2 + i * p->steps2[0] + j * p->steps2[1] + k * p->steps2[2];
                for (int32_t l = 0; l < p->counts[3]; l++) {
                    *output = mcu_clampf(combine(*a, *b), p->act_min, p->act_max);
                    output++;
                    a += p->steps1[3];
                    b += p->steps2[3];
                }
            }
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_BINARY_F32_H */
