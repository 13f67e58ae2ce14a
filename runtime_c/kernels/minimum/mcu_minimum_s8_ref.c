/* mcu_minimum_s8_ref.c: the smaller of two int8 tensors' elements, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_minimum_maximum.h"

static void minimum_run(const mcu_minimum_maximum_s8_params *p, const int8_t *a, const int8_t *b,
                        int8_t *output) {
    for (int32_t i = 0; i < p->loops.counts[3]; i++) {
        output[i] = (*a < *b) ? *a : *b;
        a += p->loops.steps1[3];
        b += p->loops.steps2[3];
    }
}

void mcu_minimum_s8_ref(const mcu_minimum_maximum_s8_params *params, const int8_t *input1,
                        const int8_t *input2, int8_t *output) {
    const mcu_minimum_maximum_s8_params p = *params;
    mcu_run run = {{0, 0, 0}, 0, 0};

    do {
        minimum_run(&p, input1 + run.start1, input2 + run.start2, output);
        output += p.loops.counts[3];
    } while (mcu_next_run(&p.loops, &run) != 0);
}
