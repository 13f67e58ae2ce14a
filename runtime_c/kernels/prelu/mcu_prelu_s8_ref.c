/* mcu_prelu_s8_ref.c: negative int8 values times a factor of their own, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_prelu.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

/* int32: |x| <= 255, times a factor < 2^16; shifted by up to 22 and 14 bits, < 2^30. */
static void prelu_run(const mcu_prelu_s8_params *p, const int8_t *a, const int8_t *b,
                      int8_t *output) {
    for (int32_t i = 0; i < p->loops.counts[3]; i++) {
        const int32_t x = *a + p->input_offset;
        const int32_t scaled = (x >= 0) ? mcu_scale(x, p->multiplier, p->shift)
                                        : mcu_scale(x * (*b + p->alpha_offset),
                                                    p->product_multiplier, p->product_shift);
        output[i] = (int8_t)mcu_clamp(scaled + p->output_offset, -128, 127);
        a += p->loops.steps1[3];
        b += p->loops.steps2[3];
    }
}

void mcu_prelu_s8_ref(const mcu_prelu_s8_params *params, const int8_t *input, const int8_t *alpha,
                      int8_t *output) {
    const mcu_prelu_s8_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};
    MCU_ASSERT(p.shift <= 22 && p.product_shift <= 14);

    do {
        prelu_run(&p, input + run.start1, alpha + run.start2, output);
        output += p.loops.counts[3];
    } while (mcu_next_run(&p.loops, &run) != 0);
}
