/* mcu_mean_s16_ref.c: mean over one or two groups of axes on int16, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_mean_s16.h"

#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_sums_s16.h"

void mcu_mean_s16_ref(const mcu_mean_s16_params *params, const int16_t *input, int16_t *output) {
    const mcu_mean_s16_params *const p = params;
    const int32_t group = p->cols * p->inner;
    MCU_ASSERT(p->rows > 0 && p->cols > 0);

    for (int32_t i = 0; i < p->outer * p->middle; i++) {
        const int32_t outer = i / p->middle;
        const int32_t middle = i % p->middle;
        const int16_t *const first = input + (outer * p->rows * p->middle + middle) * group;
        int32_t block = 0;
        for (int32_t inner = 0; inner < p->inner; inner += block) {
            int32_t sum[4]; /* int32: fewer than 2^16 values of at most 2^15 */
            block = (p->inner - inner >= 4) ? 4 : 1;
            if (block == 4) {
                mcu_sum4_s16(sum, first + inner, p->rows, p->cols, p->inner, p->middle * group);
            } else {
                sum[0] = mcu_sum_s16(first + inner, p->rows, p->cols, p->inner, p->middle * group);
            }
            for (int32_t c = 0; c < block; c++) {
                const int32_t scaled = mcu_scale(sum[c], p->multiplier, p->shift);
                *output = (int16_t)mcu_clamp(scaled, INT16_MIN, INT16_MAX);
                output++;
            }
        }
    }
}
