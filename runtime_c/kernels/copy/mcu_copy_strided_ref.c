/* mcu_copy_strided_ref.c: copies with constant strides in the input, plain C, any core.
 *
 * Axes that lie one after the other were merged when the project was generated, so the runs are
 * as long as they can be.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_copy.h"

#include <stddef.h>
#include <string.h>

#include "mcu_port.h"

/* One axis of runs; a call of memcpy would cost more than a run of one byte. */
static int8_t *copy_runs(const mcu_copy_strided_params *params, const int8_t *from, int8_t *to) {
    const int32_t stride = params->stride[3];
    const size_t run = (size_t)params->run;
    for (int32_t n = params->size[3]; n > 0; n--) {
        if (run == 1U) {
            *to = *from;
        } else {
            memcpy(to, from, run);
        }
        to += run;
        from += (n > 1) ? stride : 0; /* never outside of the input */
    }
    return to;
}

void mcu_copy_strided_ref(const mcu_copy_strided_params *params, const void *input, void *output) {
    const int32_t *const size = params->size;
    const int32_t *const stride = params->stride;
    const int8_t *const first = (const int8_t *)input + params->start;
    int8_t *to = output;
    MCU_ASSERT(size[0] > 0 && size[1] > 0 && size[2] > 0 && size[3] > 0);

    for (int32_t i = 0; i < size[0]; i++) {
        for (int32_t j = 0; j < size[1]; j++) {
            for (int32_t k = 0; k < size[2]; k++) {
                const int32_t offset = i * stride[0] + j * stride[1] + k * stride[2];
                to = copy_runs(params, first + offset, to);
            }
        }
    }
}
