/* mcu_compare_f32_ref.c: comparison of two float32 tensors, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_compare_f32.h"

static int32_t relation(float x, float y) {
    if (x < y) {
        return 1;
    }
    if (x > y) {
        return 4;
    }
    return (x == y) ? 2 : 8;
}

void mcu_compare_f32_ref(const mcu_compare_f32_params *params, const float *input1,
                         const float *input2, uint8_t *output) {
    const mcu_compare_f32_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};

    do {
        const float *a = input1 + run.start1;
        const float *b = input2 + run.start2;
        for (int32_t i = 0; i < p.loops.counts[3]; i++) {
            *output = ((p.holds & relation(*a, *b)) != 0) ? 1U : 0U;
            output++;
            a += p.loops.steps1[3];
            b += p.loops.steps2[3];
        }
    } while (mcu_next_run(&p.loops, &run) != 0);
}
