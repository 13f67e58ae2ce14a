/* mcu_add_s16_dsp.h: sum of two int16 tensors of one shape for cores with SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ADD_S16_DSP_H
#define MCU_ADD_S16_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t count;            ///< elements
    int32_t swapped;          ///< 1: the second operand has the larger scale
    int32_t small_multiplier; ///< Q0.31, of the operand with the smaller scale
    int32_t small_shift;      ///< [1, 31], right
    int32_t multiplier;       ///< Q0.31, of the sum
    int32_t shift;            ///< [1, 31], right
    int32_t relu;             ///< 1: outputs are clamped to [0, 32767], 0: to all of int16
} mcu_add_s16_dsp_params;

/// All zero points are 0. output [count]; it may begin where an operand does or in front of it,
/// otherwise it must not overlap them.
void mcu_add_s16_dsp(const mcu_add_s16_dsp_params *params, const int16_t *input1,
                     const int16_t *input2, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ADD_S16_DSP_H */
