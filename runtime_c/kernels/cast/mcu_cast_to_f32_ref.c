/* mcu_cast_to_f32_ref.c: integers to float, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_cast.h"

void mcu_cast_to_f32_ref(const mcu_cast_params *params, const void *input, float *output) {
    const mcu_cast_params p = *params;
    for (int32_t i = 0; i < p.elements; i++) {
        output[i] = (float)mcu_load_integer(input, p.from, i);
    }
}
