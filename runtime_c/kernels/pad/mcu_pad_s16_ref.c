/* mcu_pad_s16_ref.c: surrounds an int16 tensor with a constant, plain C, any core.
 *
 * Fills the output, then copies the input into it row by row, as for int8.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_pad_s16.h"

#include <string.h>

#include "mcu_port.h"

void mcu_pad_s16_ref(const mcu_pad_s16_params *params, const int16_t *input, int16_t *output) {
    const int32_t *const in = params->in_shape;
    const int32_t *const out = params->out_shape;
    const int32_t *const before = params->before;
    const int32_t size = out[0] * out[1] * out[2] * out[3];
    MCU_ASSERT(in[3] + before[3] <= out[3]);

    for (int32_t i = 0; i < size; i++) {
        output[i] = params->value;
    }
    for (int32_t i = 0; i < in[0]; i++) {
        for (int32_t j = 0; j < in[1]; j++) {
            for (int32_t k = 0; k < in[2]; k++) {
                const int32_t plane = (before[0] + i) * out[1] + before[1] + j;
                const int32_t start = (plane * out[2] + before[2] + k) * out[3] + before[3];
                (void)memcpy(output + start, input, (size_t)in[3] * sizeof *input);
                input += in[3];
            }
        }
    }
}
