/* mcu_mean_s16_ref.c: mean over one or two groups of axes on int16, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_mean_s16.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

/* int32: fewer than 2^16 values of at most 2^15. */
static int32_t sum(const mcu_mean_s16_params *p, const int16_t *x) {
    int32_t acc = 0;
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t col = 0; col < p->cols; col++) {
            acc += x[(row * p->middle * p->cols + col) * p->inner];
        }
    }
    return acc;
}

void mcu_mean_s16_ref(const mcu_mean_s16_params *params, const int16_t *input, int16_t *output) {
    const mcu_mean_s16_params *const p = params;
    const int32_t group = p->cols * p->inner;
    MCU_ASSERT(p->rows > 0 && p->cols > 0);

    for (int32_t i = 0; i < p->outer * p->middle; i++) {
        const int32_t outer = i / p->middle;
        const int32_t middle = i % p->middle;
        const int16_t *const first = input + (outer * p->rows * p->middle + middle) * group;
        for (int32_t inner = 0; inner < p->inner; inner++) {
            const int32_t scaled = mcu_scale(sum(p, first + inner), p->multiplier, p->shift);
            *output = (int16_t)mcu_clamp(scaled, INT16_MIN, INT16_MAX);
            output++;
        }
    }
}
