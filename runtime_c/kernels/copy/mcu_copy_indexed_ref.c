/* mcu_copy_indexed_ref.c: copies with tables of offsets in the input, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_copy.h"

#include <stddef.h>
#include <string.h>

#include "mcu_port.h"

void mcu_copy_indexed_ref(const mcu_copy_indexed_params *params, const void *input, void *output) {
    const int32_t *const size = params->size;
    const int32_t *const offsets1 = params->offsets + size[0];
    const int32_t *const offsets2 = offsets1 + size[1];
    const int32_t *const offsets3 = offsets2 + size[2];
    const size_t run = (size_t)params->run;
    int8_t *to = output;
    MCU_ASSERT(size[0] > 0 && size[1] > 0 && size[2] > 0 && size[3] > 0);

    for (int32_t i = 0; i < size[0]; i++) {
        for (int32_t j = 0; j < size[1]; j++) {
            for (int32_t k = 0; k < size[2]; k++) {
                const int32_t offset = params->offsets[i] + offsets1[j] + offsets2[k];
                const int8_t *const from = (const int8_t *)input + offset;
                for (int32_t l = 0; l < size[3]; l++) {
                    memcpy(to, from + offsets3[l], run);
                    to += run;
                }
            }
        }
    }
}
