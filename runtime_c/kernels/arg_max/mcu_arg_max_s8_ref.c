/* mcu_arg_max_s8_ref.c: index of the largest or smallest int8 element, plain C, any core.
 *
 * Flipping all bits reverses the order of two's complement numbers, so the smallest element is the
 * largest one after that.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_arg_max.h"

static int32_t arg_max(const int8_t *input, int32_t count, int32_t step, int32_t flip) {
    int32_t index = 0;
    int32_t max = *input ^ flip;
    for (int32_t i = 1; i < count; i++) {
        input += step;
        const int32_t x = *input ^ flip;
        if (x > max) {
            max = x;
            index = i;
        }
    }
    return index;
}

void mcu_arg_max_s8_ref(const mcu_arg_max_params *params, const int8_t *input, void *output) {
    const mcu_arg_max_params p = *params;

    for (int32_t i = 0; i < p.outer; i++) {
        for (int32_t j = 0; j < p.inner; j++) {
            const int32_t index = arg_max(input + j, p.count, p.inner, p.flip);
            mcu_put_index(output, i * p.inner + j, index, p.wide);
        }
        input += p.count * p.inner;
    }
}
