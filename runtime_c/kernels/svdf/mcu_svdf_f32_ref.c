/* mcu_svdf_f32_ref.c: a dense layer of low rank over time on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_svdf_f32.h"

#include <stddef.h>
#include <string.h>

#include "mcu_activation_f32.h"
#include "mcu_port.h"

static float dot(const float *x, const float *w, int32_t count) {
    float acc = 0.0F;
    for (int32_t i = 0; i < count; i++) {
        acc += x[i] * w[i];
    }
    return acc;
}

void mcu_svdf_f32_ref(const mcu_svdf_f32_params *params, const float *input, float *state,
                      float *output) {
    const mcu_svdf_f32_params *const p = params;
    const size_t kept = (size_t)(p->memory - 1);
    MCU_ASSERT(p->memory > 0);

    for (int32_t n = 0; n < p->batch; n++) {
        for (int32_t unit = 0; unit < p->units; unit++) {
            float acc = (p->bias == NULL) ? 0.0F : p->bias[unit];
            for (int32_t filter = unit * p->rank; filter < (unit + 1) * p->rank; filter++) {
                (void)memmove(state, state + 1, kept * sizeof *state);
                state[kept] = dot(input, p->features + filter * p->in_size, p->in_size);
                acc += dot(state, p->time + filter * p->memory, p->memory);
                state += p->memory;
            }
            *output = mcu_activatef(p->activation, p->act_min, p->act_max, acc);
            output++;
        }
        input += p->in_size;
    }
}
