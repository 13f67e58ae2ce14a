/* mcu_mul_s16_ref.c: product of two int16 tensors, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_mul_s16.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

/* int32: |product| <= 2^30. */
static void mul_run(const mcu_mul_s16_params *p, const int16_t *a, const int16_t *b,
                    int16_t *output) {
    for (int32_t i = 0; i < p->loops.counts[3]; i++) {
        const int32_t scaled = mcu_scale((int32_t)*a * *b, p->multiplier, p->shift);
        output[i] = (int16_t)mcu_clamp(scaled, p->act_min, p->act_max);
        a += p->loops.steps1[3];
        b += p->loops.steps2[3];
    }
}

void mcu_mul_s16_ref(const mcu_mul_s16_params *params, const int16_t *input1, const int16_t *input2,
                     int16_t *output) {
    const mcu_mul_s16_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};
    MCU_ASSERT(p.shift <= 0);

    do {
        mul_run(&p, input1 + run.start1, input2 + run.start2, output);
        output += p.loops.counts[3];
    } while (mcu_next_run(&p.loops, &run) != 0);
}
