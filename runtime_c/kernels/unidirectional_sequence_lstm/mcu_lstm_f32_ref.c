/* mcu_lstm_f32_ref.c: a long short-term memory on float32, plain C, any core.
 *
 * The four gates of a unit share each load of an input; each is summed in the order of the weights.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_lstm_f32.h"

#include <stddef.h>
#include <string.h>

#include "mcu_activation_f32.h"
#include "mcu_port.h"

/* acc[g] = sum of x[i] * w[g * count + i]. */
static void dot4(float acc[4], const float *x, const float *w, int32_t count) {
    const float *const w1 = w + count;
    const float *const w2 = w1 + count;
    const float *const w3 = w2 + count;
    float a0 = 0.0F;
    float a1 = 0.0F;
    float a2 = 0.0F;
    float a3 = 0.0F;
    for (int32_t i = 0; i < count; i++) {
        const float value = x[i];
        a0 += value * w[i];
        a1 += value * w1[i];
        a2 += value * w2[i];
        a3 += value * w3[i];
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static float activate(const mcu_lstm_f32_params *p, float x) {
    return mcu_activatef(p->activation, p->act_min, p->act_max, x);
}

/* One step of one unit: updates its cell, returns its output. */
static float advance(const mcu_lstm_f32_params *p, int32_t unit, const float *input,
                     const float *hidden, float *cell) {
    float fresh[4];
    float past[4];
    dot4(fresh, input, p->input_weights + 4 * unit * p->features, p->features);
    dot4(past, hidden, p->hidden_weights + 4 * unit * p->units, p->units);
    for (int32_t gate = 0; gate < 4; gate++) {
        fresh[gate] = (fresh[gate] + p->bias[4 * unit + gate]) + past[gate];
    }
    const float kept = mcu_logisticf(fresh[1]) * *cell;
    const float added = mcu_logisticf(fresh[0]) * activate(p, fresh[2]);
    *cell = mcu_clampf(kept + added, p->cell_min, p->cell_max);
    return activate(p, *cell) * mcu_logisticf(fresh[3]);
}

void mcu_lstm_f32_ref(const mcu_lstm_f32_params *params, const float *input, float *hidden,
                      float *cell, float *output) {
    const mcu_lstm_f32_params *const p = params;
    MCU_ASSERT(p->units > 0);

    for (int32_t n = 0; n < p->batch; n++) {
        for (int32_t step = 0; step < p->steps; step++) {
            const int32_t vector = n * p->batch_stride + step * p->step_stride;
            float *const out = output + vector * p->units;
            for (int32_t unit = 0; unit < p->units; unit++) {
                out[unit] = advance(p, unit, input + vector * p->features, hidden, cell + unit);
            }
            (void)memcpy(hidden, out, (size_t)p->units * sizeof *hidden);
        }
        hidden += p->units;
        cell += p->units;
    }
}
