/* mcu_lstm_s8_ref.c: a long short-term memory on int8 with an int16 cell, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_lstm.h"

#include <stddef.h>
#include <string.h>

#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_sigmoid_s16.h"

static int32_t saturate(int32_t x) { return mcu_clamp(x, INT16_MIN, INT16_MAX); }

/* int32: |sum| < 2^31 is checked for the actual weights when the project is generated. */
static int32_t dot(int32_t acc, const int8_t *x, const int8_t *w, int32_t count, int32_t offset) {
    for (int32_t i = 0; i < count; i++) {
        acc += (x[i] + offset) * w[i];
    }
    return acc;
}

/* One gate of one unit before its nonlinearity, in Q3.12. */
static int32_t gate(const mcu_lstm_s8_params *p, int32_t index, int32_t unit, const int8_t *input,
                    const int8_t *hidden) {
    const int32_t row = index * p->units + unit;
    const int32_t fresh = dot(p->bias[row], input, p->input_weights + row * p->features,
                              p->features, p->input_offset);
    const int32_t past =
        dot(0, hidden, p->hidden_weights + row * p->units, p->units, p->hidden_offset);
    return saturate(saturate(mcu_scale(fresh, p->input_multiplier[index], p->input_shift[index])) +
                    saturate(mcu_scale(past, p->hidden_multiplier[index], p->hidden_shift[index])));
}

/* One step of one unit: updates its cell, returns its output. */
static int8_t advance(const mcu_lstm_s8_params *p, int32_t unit, const int8_t *input,
                      const int8_t *hidden, int16_t *cell) {
    const int32_t keep = mcu_sigmoid_s16(p->sigmoid, gate(p, 0, unit, input, hidden));
    const int32_t forget = mcu_sigmoid_s16(p->sigmoid, gate(p, 1, unit, input, hidden));
    const int32_t candidate = mcu_tanh_s16(p->sigmoid, gate(p, 2, unit, input, hidden), 0);
    const int32_t emit = mcu_sigmoid_s16(p->sigmoid, gate(p, 3, unit, input, hidden));
    const int32_t kept = saturate(mcu_scale(forget * *cell, p->forget_multiplier, p->forget_shift));
    const int32_t added = saturate(mcu_scale(keep * candidate, p->cell_multiplier, p->cell_shift));
    *cell = (int16_t)mcu_clamp(saturate(kept + added), p->cell_min, p->cell_max);
    const int32_t seen = mcu_tanh_s16(p->sigmoid, *cell, p->tanh_shift);
    const int32_t scaled = mcu_scale(seen * emit, p->output_multiplier, p->output_shift);
    return (int8_t)mcu_clamp(scaled - p->hidden_offset, INT8_MIN, INT8_MAX);
}

void mcu_lstm_s8_ref(const mcu_lstm_s8_params *params, const int8_t *input, int8_t *hidden,
                     int16_t *cell, int8_t *output) {
    const mcu_lstm_s8_params *const p = params;
    MCU_ASSERT(p->units > 0 && p->tanh_shift >= -15 && p->tanh_shift <= 11);

    for (int32_t n = 0; n < p->batch; n++) {
        for (int32_t step = 0; step < p->steps; step++) {
            const int32_t vector = n * p->batch_stride + step * p->step_stride;
            int8_t *const out = output + vector * p->units;
            for (int32_t unit = 0; unit < p->units; unit++) {
                out[unit] = advance(p, unit, input + vector * p->features, hidden, cell + unit);
            }
            memcpy(hidden, out, (size_t)p->units);
        }
        hidden += p->units;
        cell += p->units;
    }
}
