/* mcu_binary_f32.h: operators with two float32 operands.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_BINARY_F32_H
#define MCU_BINARY_F32_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
    float act_min; ///< fused activation, where the operator has one
    float act_max;
} mcu_binary_f32_params;

/// Any shapes that broadcast within four axes.
/// output [counts[0]][counts[1]][counts[2]][counts[3]]. It may begin where an operand does that
/// repeats along no axis, or so far in front of any that it overwrites only what no later element
/// reads; otherwise it must not overlap the operands.
void mcu_add_f32_ref(const mcu_binary_f32_params *params, const float *input1, const float *input2,
                     float *output);
void mcu_sub_f32_ref(const mcu_binary_f32_params *params, const float *input1, const float *input2,
                     float *output);
void mcu_mul_f32_ref(const mcu_binary_f32_params *params, const float *input1, const float *input2,
                     float *output);
void mcu_div_f32_ref(const mcu_binary_f32_params *params, const float *input1, const float *input2,
                     float *output);
void mcu_minimum_f32_ref(const mcu_binary_f32_params *params, const float *input1,
                         const float *input2, float *output);
void mcu_maximum_f32_ref(const mcu_binary_f32_params *params, const float *input1,
                         const float *input2, float *output);
void mcu_squared_difference_f32_ref(const mcu_binary_f32_params *params, const float *input1,
                                    const float *input2, float *output);

/// The first operand where it is not negative, else the product. Shapes and memory as above.
void mcu_prelu_f32_ref(const mcu_binary_f32_params *params, const float *input1,
                       const float *input2, float *output);

/// The loops of these kernels; inlined with `combine`, which computes one element.
static inline void
mcu_binary_f32(const mcu_binary_f32_params *params, const float *input1, const float *input2,
               float *output, float (*combine)(const mcu_binary_f32_params *p, float a, float b)) {
    const mcu_binary_f32_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};
    do {
        const float *a = input1 + run.start1;
        const float *b = input2 + run.start2;
        for (int32_t i = 0; i < p.loops.counts[3]; i++) {
            *output = combine(&p, *a, *b);
            output++;
            a += p.loops.steps1[3];
            b += p.loops.steps2[3];
        }
    } while (mcu_next_run(&p.loops, &run) != 0);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_BINARY_F32_H */
