/* mcu_softmax_s16.h: softmax of int16 values along the last axis.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_SOFTMAX_S16_H
#define MCU_SOFTMAX_S16_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t rows;
    int32_t classes;             ///< at most 4095
    int32_t multiplier;          ///< Q0.31, of differences, to steps of 10/65535
    int32_t shift;               ///< [-31, 15], left when positive
    const int16_t *exponentials; ///< [513], e^x for x in [-10, 0], Q0.15
    const int16_t *reciprocals;  ///< [513], 1 / (1 + x) for x in [0, 1], Q0.15
} mcu_softmax_s16_params;

/// The zero points are 0, the output is Q0.15.
/// input and output [rows][classes]; the output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_softmax_s16_ref(const mcu_softmax_s16_params *params, const int16_t *input,
                         int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_SOFTMAX_S16_H */
