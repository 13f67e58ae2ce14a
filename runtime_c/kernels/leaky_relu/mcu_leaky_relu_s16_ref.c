/* mcu_leaky_relu_s16_ref.c: leaky ReLU on int16, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_leaky_relu_s16.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

void mcu_leaky_relu_s16_ref(const mcu_leaky_relu_s16_params *params, const int16_t *input,
                            int16_t *output) {
    const mcu_leaky_relu_s16_params p = *params;
    MCU_ASSERT(p.shift <= 15 && p.leak_shift <= 15);

    for (int32_t i = 0; i < p.elements; i++) {
        const int32_t scaled =
            (input[i] >= 0) ? mcu_scale(input[i], p.multiplier, p.shift)
                            : p.leak_sign * mcu_scale(input[i], p.leak_multiplier, p.leak_shift);
        output[i] = (int16_t)mcu_clamp(scaled, INT16_MIN, INT16_MAX);
    }
}
