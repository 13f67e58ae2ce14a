/* mcu_requantize_s8_ref.c: another scale and zero point for int8, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_requantize.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

void mcu_requantize_s8_ref(const mcu_requantize_params *params, const int8_t *input,
                           int8_t *output) {
    const mcu_requantize_params p = *params;
    MCU_ASSERT(p.shift <= 22); /* |input + offset| <= 255, so |scaled| < 2^30 */

    for (int32_t i = 0; i < p.elements; i++) {
        const int32_t scaled = mcu_scale(input[i] + p.input_offset, p.multiplier, p.shift);
        output[i] = (int8_t)mcu_clamp(scaled + p.output_offset, p.act_min, p.act_max);
    }
}
