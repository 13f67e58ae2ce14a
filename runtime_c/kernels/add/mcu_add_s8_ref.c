/* mcu_add_s8_ref.c: sum of two int8 tensors, plain C, any core.
 *
 * Axes along which the operands repeat alike were merged when the project was generated, so the
 * inner loop is long and tensors of one shape are a single run.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_add.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

/* The operands' share of 2^20 leaves the rounding of both far below one step of the output. */
enum { LEFT_SHIFT = 20 };

/* int32: |operand + offset| <= 255, so |shifted| < 2^28 and, with multipliers up to 1/2 for the
 * operands, |sum| < 2^28. */
static void add_run(const mcu_add_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    for (int32_t i = 0; i < p->counts[3]; i++) {
        const int32_t x = (*a + p->offset1) * ((int32_t)1 << LEFT_SHIFT);
        const int32_t y = (*b + p->offset2) * ((int32_t)1 << LEFT_SHIFT);
        const int32_t sum =
            mcu_scale(x, p->multiplier1, p->shift1) + mcu_scale(y, p->multiplier2, p->shift2);
        const int32_t scaled = mcu_scale(sum, p->multiplier, p->shift) + p->output_offset;
        output[i] = (int8_t)mcu_clamp(scaled, p->act_min, p->act_max);
        a += p->steps1[3];
        b += p->steps2[3];
    }
}

void mcu_add_s8_ref(const mcu_add_s8_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output) {
    const mcu_add_s8_params p = *params;
    MCU_ASSERT(p.shift1 <= 0 && p.shift2 <= 0 && p.shift <= 0);

    for (int32_t i = 0; i < p.counts[0]; i++) {
        for (int32_t j = 0; j < p.counts[1]; j++) {
            for (int32_t k = 0; k < p.counts[2]; k++) {
                const int32_t start1 = i * p.steps1[0] + j * p.steps1[1] + k * p.steps1[2];
                const int32_t start2 = i * p.steps2[0] + j * p.steps2[1] + k * p.steps2[2];
                add_run(&p, input1 + start1, input2 + start2, output);
                output += p.counts[3];
            }
        }
    }
}
