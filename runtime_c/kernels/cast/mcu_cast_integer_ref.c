/* mcu_cast_integer_ref.c: integers of one type to another, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_cast.h"

void mcu_cast_integer_ref(const mcu_cast_params *params, const void *input, void *output) {
    const mcu_cast_params p = *params;
    for (int32_t i = 0; i < p.elements; i++) {
        mcu_store_integer(output, p.to, i, mcu_load_integer(input, p.from, i));
    }
}
