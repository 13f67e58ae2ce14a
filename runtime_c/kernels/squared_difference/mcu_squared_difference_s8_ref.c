/* mcu_squared_difference_s8_ref.c: square of the difference of two int8 tensors, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_difference.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

enum { LEFT_SHIFT = 7 }; /* leaves room for the square */

/* int32: |operand + offset| <= 255, so |shifted| < 2^15 and, with multipliers up to 1/2 for the
 * operands, |difference| < 2^15 and its square < 2^30. */
static void square_run(const mcu_difference_s8_params *p, const int8_t *a, const int8_t *b,
                       int8_t *output) {
    for (int32_t i = 0; i < p->loops.counts[3]; i++) {
        const int32_t x = (*a + p->offset1) * ((int32_t)1 << LEFT_SHIFT);
        const int32_t y = (*b + p->offset2) * ((int32_t)1 << LEFT_SHIFT);
        const int32_t difference =
            mcu_scale(x, p->multiplier1, p->shift1) - mcu_scale(y, p->multiplier2, p->shift2);
        const int32_t square = difference * difference;
        const int32_t scaled = mcu_scale(square, p->multiplier, p->shift) + p->output_offset;
        output[i] = (int8_t)mcu_clamp(scaled, p->act_min, p->act_max);
        a += p->loops.steps1[3];
        b += p->loops.steps2[3];
    }
}

void mcu_squared_difference_s8_ref(const mcu_difference_s8_params *params, const int8_t *input1,
                                   const int8_t *input2, int8_t *output) {
    const mcu_difference_s8_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};
    MCU_ASSERT(p.shift1 <= 0 && p.shift2 <= 0 && p.shift <= 0);

    do {
        square_run(&p, input1 + run.start1, input2 + run.start2, output);
        output += p.loops.counts[3];
    } while (mcu_next_run(&p.loops, &run) != 0);
}
