/* mcu_fully_connected_s4_ref.c: a dense layer on int8 with int4 weights, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s4.h"

#include "mcu_fixed.h"
#include "mcu_int4.h"
#include "mcu_port.h"

void mcu_fully_connected_s4_ref(const mcu_fully_connected_s4_params *params, const int8_t *input,
                                int8_t *output) {
    const mcu_fully_connected_s4_params *const p = params;
    MCU_ASSERT(p->per_channel == 0 || p->per_channel == 1);

    for (int32_t b = 0; b < p->batch; b++) {
        for (int32_t row = 0; row < p->out; row++) {
            const int32_t channel = row * p->per_channel;
            const int32_t acc = mcu_dot_s4(p->bias[row], input, p->weights, row * p->in, p->in, 0);
            const int32_t scaled = mcu_scale(acc, p->multiplier[channel], p->shift[channel]);
            *output = (int8_t)mcu_clamp(scaled + p->output_offset, p->act_min, p->act_max);
            output++;
        }
        input += p->in;
    }
}
