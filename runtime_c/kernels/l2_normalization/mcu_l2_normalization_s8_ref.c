/* mcu_l2_normalization_s8_ref.c: int8 rows divided by their Euclidean length, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_l2_normalization.h"

#include "mcu_fixed.h"
#include "mcu_log.h"
#include "mcu_port.h"

enum { FRACTION_BITS = 7 }; /* of the output */

void mcu_l2_normalization_s8_ref(const mcu_l2_normalization_s8_params *params, const int8_t *input,
                                 int8_t *output) {
    const mcu_l2_normalization_s8_params p = *params;
    MCU_ASSERT(p.depth >= 1 && p.depth <= 33025);

    for (int32_t row = 0; row < p.rows; row++) {
        int32_t sum = 0; /* int32: at most 33025 squares of at most 255^2, < 2^31 */
        for (int32_t c = 0; c < p.depth; c++) {
            const int32_t x = input[c] + p.input_offset;
            sum += x * x;
        }
        int32_t shift = 0;
        const int32_t multiplier = mcu_inverse_sqrt(sum, &shift);
        for (int32_t c = 0; c < p.depth; c++) {
            const int32_t x = input[c] + p.input_offset;
            const int32_t steps = mcu_scale(x, multiplier, shift + FRACTION_BITS);
            output[c] = (int8_t)mcu_clamp(steps, -128, 127);
        }
        input += p.depth;
        output += p.depth;
    }
}
