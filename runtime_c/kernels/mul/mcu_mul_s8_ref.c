/* mcu_mul_s8_ref.c: product of two int8 tensors, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_mul.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

/* int32: |operand + offset| <= 255, so |product| < 2^16 and, shifted by up to 14 bits, < 2^30. */
static void mul_run(const mcu_mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    for (int32_t i = 0; i < p->loops.counts[3]; i++) {
        const int32_t product = (*a + p->offset1) * (*b + p->offset2);
        const int32_t scaled = mcu_scale(product, p->multiplier, p->shift) + p->output_offset;
        output[i] = (int8_t)mcu_clamp(scaled, p->act_min, p->act_max);
        a += p->loops.steps1[3];
        b += p->loops.steps2[3];
    }
}

void mcu_mul_s8_ref(const mcu_mul_s8_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output) {
    const mcu_mul_s8_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};
    MCU_ASSERT(p.shift <= 14);

    do {
        mul_run(&p, input1 + run.start1, input2 + run.start2, output);
        output += p.loops.counts[3];
    } while (mcu_next_run(&p.loops, &run) != 0);
}
