/* mcu_compare_s8_ref.c: comparison of two int8 tensors, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_compare.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

enum { LEFT_SHIFT = 8 }; /* fraction bits of the real values that are compared */

/* int32: |operand + offset| <= 255, so |shifted| < 2^16; the multipliers are below 1. */
static void compare_run(const mcu_compare_s8_params *p, const int8_t *a, const int8_t *b,
                        uint8_t *output) {
    for (int32_t i = 0; i < p->loops.counts[3]; i++) {
        const int32_t x = (*a + p->offset1) * ((int32_t)1 << LEFT_SHIFT);
        const int32_t y = (*b + p->offset2) * ((int32_t)1 << LEFT_SHIFT);
        const int32_t difference =
            mcu_scale(x, p->multiplier1, p->shift1) - mcu_scale(y, p->multiplier2, p->shift2);
        const int32_t bit = (difference < 0) ? 1 : ((difference == 0) ? 2 : 4);
        output[i] = ((p->holds & bit) != 0) ? 1U : 0U;
        a += p->loops.steps1[3];
        b += p->loops.steps2[3];
    }
}

void mcu_compare_s8_ref(const mcu_compare_s8_params *params, const int8_t *input1,
                        const int8_t *input2, uint8_t *output) {
    const mcu_compare_s8_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};
    MCU_ASSERT(p.shift1 <= 0 && p.shift2 <= 0);

    do {
        compare_run(&p, input1 + run.start1, input2 + run.start2, output);
        output += p.loops.counts[3];
    } while (mcu_next_run(&p.loops, &run) != 0);
}
