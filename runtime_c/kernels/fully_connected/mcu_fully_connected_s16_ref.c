/* mcu_fully_connected_s16_ref.c: a dense layer on int16 with int8 weights, plain C, any core.
 *
 * Four outputs share each input load.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s16.h"

#include <stddef.h>

#include "mcu_port.h"
#include "mcu_sums_s16.h"

void mcu_fully_connected_s16_ref(const mcu_fully_connected_s16_params *params, const int16_t *input,
                                 int16_t *output) {
    const mcu_fully_connected_s16_params *const p = params;
    MCU_ASSERT(p->wide == 0 || p->wide == 1);

    for (int32_t b = 0; b < p->batch; b++) {
        int32_t block = 0;
        for (int32_t row = 0; row < p->out; row += block) {
            int64_t sum[4] = {0, 0, 0, 0};
            block = (p->out - row >= 4) ? 4 : 1;
            for (int32_t r = 0; r < block && p->bias != NULL; r++) {
                sum[r] = p->bias[row + r];
            }
            if (block == 4) {
                mcu_dot4_s16(sum, input, p->weights + row * p->in, p->in, p->in);
            } else {
                sum[0] += mcu_dot_s16(input, p->weights + row * p->in, p->in);
            }
            for (int32_t r = 0; r < block; r++) {
                *output = mcu_finish_s16(sum[r], p->wide, p->multiplier[row + r], p->shift[row + r],
                                         p->act_min, p->act_max);
                output++;
            }
        }
        input += p->in;
    }
}
