/* mcu_table_s8_ref.c: a function of one int8 value, by a table of all results, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_table.h"

void mcu_table_s8_ref(const mcu_table_s8_params *params, const int8_t *input, int8_t *output) {
    const int8_t *const table = params->table;
    const int32_t elements = params->elements;

    for (int32_t i = 0; i < elements; i++) {
        output[i] = table[(uint8_t)input[i]];
    }
}
