/* mcu_gather_ref.c: picks entries of an axis by a tensor of indices, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include <stddef.h>
#include <string.h>

#include "mcu_fixed.h"
#include "mcu_gather.h"
#include "mcu_port.h"

void mcu_gather_ref(const mcu_gather_params *params, const void *input, const int32_t *indices,
                    void *output) {
    const mcu_gather_params *const p = params;
    const int8_t *from = input;
    int8_t *to = output;
    MCU_ASSERT(p->axis > 0 && p->inner > 0);

    for (int32_t i = 0; i < p->batch; i++) {
        for (int32_t j = 0; j < p->outer; j++) {
            for (int32_t k = 0; k < p->count; k++) {
                const int32_t entry = mcu_clamp(indices[i * p->count + k], 0, p->axis - 1);
                memcpy(to, from + entry * p->inner, (size_t)p->inner);
                to += p->inner;
            }
            from += p->axis * p->inner;
        }
    }
}
