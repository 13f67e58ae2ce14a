/* mcu_tanh_s16_ref.c: hyperbolic tangent on int16, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_logistic_s16.h"
#include "mcu_port.h"
#include "mcu_sigmoid_s16.h"

void mcu_tanh_s16_ref(const mcu_logistic_s16_params *params, const int16_t *input,
                      int16_t *output) {
    const mcu_logistic_s16_params p = *params;
    const int32_t half = (p.shift > 0) ? (int32_t)(1U << (uint32_t)(p.shift - 1)) : 0;
    MCU_ASSERT(p.multiplier < 1 << 16 && p.shift >= 0);

    for (int32_t i = 0; i < p.elements; i++) {
        const int32_t steps = (input[i] * p.multiplier + half) >> p.shift;
        output[i] = (int16_t)mcu_tanh_of_steps(p.table, steps);
    }
}
