/* mcu_log_softmax.h: logarithm of the softmax over the last axis.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_LOG_SOFTMAX_H
#define MCU_LOG_SOFTMAX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t rows;
    int32_t classes;            ///< [1, 4095]
    int32_t multiplier;         ///< Q0.31, with shift: input scale * 2^26
    int32_t shift;              ///< [1, 30], left
    int32_t diff_min;           ///< input - maximum below which the output is -128; < 0
    int32_t inverse_multiplier; ///< Q0.31, with inverse_shift: 2^-26 / input scale
    int32_t inverse_shift;      ///< [-30, 0]
} mcu_log_softmax_s8_params;

/// input and output [rows][classes]; output has scale 16/256 and zero point 127.
/// The output may begin where the input does or in front of it; otherwise they must not overlap.
void mcu_log_softmax_s8_ref(const mcu_log_softmax_s8_params *params, const int8_t *input,
                            int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_LOG_SOFTMAX_H */
