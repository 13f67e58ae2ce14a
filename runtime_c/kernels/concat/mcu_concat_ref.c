/* mcu_concat_ref.c: tensors of any type, one after the other along an axis, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_concat.h"

#include <stddef.h>
#include <string.h>

#include "mcu_port.h"

void mcu_concat_ref(const mcu_concat_params *params, const void *const *inputs, void *output) {
    int8_t *to = output;
    MCU_ASSERT(params->count > 0);

    for (int32_t i = 0; i < params->outer; i++) {
        for (int32_t k = 0; k < params->count; k++) {
            const int32_t bytes = params->bytes[k];
            memcpy(to, (const int8_t *)inputs[k] + i * bytes, (size_t)bytes);
            to += bytes;
        }
    }
}
