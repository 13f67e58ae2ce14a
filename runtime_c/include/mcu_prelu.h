/* mcu_prelu.h: negative values times a factor of their own.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_PRELU_H
#define MCU_PRELU_H

#include <stdint.h>

#include "mcu_broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    mcu_broadcast loops;
    int32_t input_offset;       ///< -zero_point of the input, [-127, 128]
    int32_t alpha_offset;       ///< -zero_point of the factors, [-127, 128]
    int32_t output_offset;      ///< zero_point of the output, [-128, 127]
    int32_t multiplier;         ///< Q0.31, input scale / output scale
    int32_t shift;              ///< [-31, 22], left when positive
    int32_t product_multiplier; ///< Q0.31, input scale * scale of the factors / output scale
    int32_t product_shift;      ///< [-31, 14], left when positive
} mcu_prelu_s8_params;

/// Factors of any shape that broadcasts to the input's within four axes.
/// input and output [counts[0]][counts[1]][counts[2]][counts[3]]. The output may begin where the
/// input does, or so far in front of either operand that it overwrites only what no later element
/// reads; otherwise it must not overlap them.
void mcu_prelu_s8_ref(const mcu_prelu_s8_params *params, const int8_t *input, const int8_t *alpha,
                      int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_PRELU_H */
