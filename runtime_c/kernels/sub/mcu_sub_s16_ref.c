/* mcu_sub_s16_ref.c: difference of two int16 tensors, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_add_s16.h"
#include "mcu_fixed.h"
#include "mcu_port.h"

/* The operands' share of 2^15 leaves the rounding of both far below one step of the output. */
enum { LEFT_SHIFT = 15 };

/* int32: |shifted| <= 2^30 and, with multipliers up to 1/2 for the operands, |difference| <= 2^30.
 */
static void sub_run(const mcu_add_s16_params *p, const int16_t *a, const int16_t *b,
                    int16_t *output) {
    for (int32_t i = 0; i < p->loops.counts[3]; i++) {
        const int32_t x = *a * ((int32_t)1 << LEFT_SHIFT);
        const int32_t y = *b * ((int32_t)1 << LEFT_SHIFT);
        const int32_t difference =
            mcu_scale(x, p->multiplier1, p->shift1) - mcu_scale(y, p->multiplier2, p->shift2);
        const int32_t scaled = mcu_scale(difference, p->multiplier, p->shift);
        output[i] = (int16_t)mcu_clamp(scaled, p->act_min, p->act_max);
        a += p->loops.steps1[3];
        b += p->loops.steps2[3];
    }
}

void mcu_sub_s16_ref(const mcu_add_s16_params *params, const int16_t *input1, const int16_t *input2,
                     int16_t *output) {
    const mcu_add_s16_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};
    MCU_ASSERT(p.shift1 <= 0 && p.shift2 <= 0 && p.shift <= 0);

    do {
        sub_run(&p, input1 + run.start1, input2 + run.start2, output);
        output += p.loops.counts[3];
    } while (mcu_next_run(&p.loops, &run) != 0);
}
