/* mcu_svdf_s8_ref.c: a dense layer of low rank over time, int8 with an int16 state, plain C,
 * any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_svdf.h"

#include <stddef.h>
#include <string.h>

#include "mcu_fixed.h"
#include "mcu_port.h"

/* The feature of one filter.
 * int32: |sum| < 2^31 is checked for the actual weights when the project is generated. */
static int16_t feature(const mcu_svdf_s8_params *p, const int8_t *input, const int8_t *weights) {
    int32_t acc = 0;
    for (int32_t i = 0; i < p->in_size; i++) {
        acc += (input[i] + p->input_offset) * weights[i];
    }
    const int32_t scaled = mcu_scale(acc, p->feature_multiplier, p->feature_shift);
    return (int16_t)mcu_clamp(scaled, INT16_MIN, INT16_MAX);
}

/* int32: |sum| < 2^31 is checked as well, for any state. */
static int32_t recall(int32_t acc, const mcu_svdf_s8_params *p, const int16_t *state,
                      const int16_t *time) {
    for (int32_t i = 0; i < p->memory; i++) {
        acc += state[i] * time[i];
    }
    return acc;
}

void mcu_svdf_s8_ref(const mcu_svdf_s8_params *params, const int8_t *input, int16_t *state,
                     int8_t *output) {
    const mcu_svdf_s8_params *const p = params;
    const size_t kept = (size_t)(p->memory - 1);
    MCU_ASSERT(p->memory > 0);

    for (int32_t n = 0; n < p->batch; n++) {
        for (int32_t unit = 0; unit < p->units; unit++) {
            int32_t acc = (p->bias == NULL) ? 0 : p->bias[unit];
            for (int32_t filter = unit * p->rank; filter < (unit + 1) * p->rank; filter++) {
                memmove(state, state + 1, kept * sizeof *state);
                state[kept] = feature(p, input, p->features + filter * p->in_size);
                acc = recall(acc, p, state, p->time + filter * p->memory);
                state += p->memory;
            }
            const int32_t scaled = mcu_scale(acc, p->multiplier, p->shift);
            *output = (int8_t)mcu_clamp(scaled + p->output_offset, INT8_MIN, INT8_MAX);
            output++;
        }
        input += p->in_size;
    }
}
