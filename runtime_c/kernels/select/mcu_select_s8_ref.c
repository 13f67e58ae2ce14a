/* mcu_select_s8_ref.c: int8 elements of one of two tensors, as a condition says, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_select.h"

static int32_t start(const int32_t *steps, int32_t i, int32_t j, int32_t k) {
    return i * steps[0] + j * steps[1] + k * steps[2];
}

static void select_run(const mcu_select_params *p, const uint8_t *condition, const int8_t *a,
                       const int8_t *b, int8_t *output) {
    for (int32_t l = 0; l < p->counts[3]; l++) {
        output[l] = (*condition != 0U) ? *a : *b;
        condition += p->condition_steps[3];
        a += p->true_steps[3];
        b += p->false_steps[3];
    }
}

void mcu_select_s8_ref(const mcu_select_params *params, const uint8_t *condition,
                       const int8_t *where_true, const int8_t *where_false, int8_t *output) {
    const mcu_select_params p = *params;

    for (int32_t i = 0; i < p.counts[0]; i++) {
        for (int32_t j = 0; j < p.counts[1]; j++) {
            for (int32_t k = 0; k < p.counts[2]; k++) {
                select_run(&p, condition + start(p.condition_steps, i, j, k),
                           where_true + start(p.true_steps, i, j, k),
                           where_false + start(p.false_steps, i, j, k), output);
                output += p.counts[3];
            }
        }
    }
}
