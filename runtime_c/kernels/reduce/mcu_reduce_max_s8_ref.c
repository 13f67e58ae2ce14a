/* mcu_reduce_max_s8_ref.c: the largest or smallest value over one or two groups of axes on int8,
 * plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_port.h"
#include "mcu_reduce.h"

/* The largest of x[row][col] ^ flip; flipping turns the order around: ~a < ~b when a > b. */
static int32_t largest(const mcu_reduce_max_s8_params *p, const int8_t *x) {
    int32_t most = INT8_MIN;
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *value = x + row * p->middle * p->cols * p->inner;
        for (int32_t n = p->cols; n > 0; n--) {
            const int32_t v = *value ^ p->flip;
            most = (v > most) ? v : most;
            value += (n > 1) ? p->inner : 0; /* never outside of the input */
        }
    }
    return most;
}

void mcu_reduce_max_s8_ref(const mcu_reduce_max_s8_params *params, const int8_t *input,
                           int8_t *output) {
    const mcu_reduce_max_s8_params *const p = params;
    const int32_t group = p->cols * p->inner;
    MCU_ASSERT(p->rows > 0 && p->cols > 0 && (p->flip == 0 || p->flip == -1));

    for (int32_t i = 0; i < p->outer * p->middle; i++) {
        const int32_t outer = i / p->middle;
        const int32_t middle = i % p->middle;
        const int8_t *const first = input + (outer * p->rows * p->middle + middle) * group;
        for (int32_t inner = 0; inner < p->inner; inner++) {
            *output = (int8_t)(largest(p, first + inner) ^ p->flip);
            output++;
        }
    }
}
