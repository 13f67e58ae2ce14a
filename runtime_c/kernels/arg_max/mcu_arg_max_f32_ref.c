/* mcu_arg_max_f32_ref.c: index of the largest or smallest float32 element, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_arg_max.h"

static int32_t arg_max(const float *input, int32_t count, int32_t step, int32_t smallest) {
    int32_t index = 0;
    float best = *input;
    for (int32_t i = 1; i < count; i++) {
        input += step;
        if ((smallest != 0) ? *input < best : *input > best) {
            best = *input;
            index = i;
        }
    }
    return index;
}

void mcu_arg_max_f32_ref(const mcu_arg_max_params *params, const float *input, void *output) {
    const mcu_arg_max_params p = *params;

    for (int32_t i = 0; i < p.outer; i++) {
        for (int32_t j = 0; j < p.inner; j++) {
            const int32_t index = arg_max(input + j, p.count, p.inner, p.flip);
            mcu_put_index(output, i * p.inner + j, index, p.wide);
        }
        input += p.count * p.inner;
    }
}
