/* mcu_fully_connected_s8_ref.c: a dense layer on int8, plain C, any core.
 *
 * The bias holds the input's zero point, so the inner loop is a bare dot product. Four outputs
 * share each input load.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

/* acc[r] += sum of x[i] * w[r * count + i].
 * int32: |sum| < 2^31 is checked for the actual weights when the project is generated. */
static void dot4(int32_t acc[4], const int8_t *x, const int8_t *w, int32_t count) {
    const int8_t *const w1 = w + count;
    const int8_t *const w2 = w1 + count;
    const int8_t *const w3 = w2 + count;
    int32_t a0 = acc[0];
    int32_t a1 = acc[1];
    int32_t a2 = acc[2];
    int32_t a3 = acc[3];
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = x[i];
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

static int32_t dot1(int32_t acc, const int8_t *x, const int8_t *w, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        acc += x[i] * w[i];
    }
    return acc;
}

void mcu_fully_connected_s8_ref(const mcu_fully_connected_s8_params *params, const int8_t *input,
                                int8_t *output) {
    const mcu_fully_connected_s8_params p = *params;
    MCU_ASSERT(p.per_channel == 0 || p.per_channel == 1);

    for (int32_t b = 0; b < p.batch; b++) {
        const int8_t *weights = p.weights;
        int32_t block = 0;
        for (int32_t row = 0; row < p.out; row += block) {
            int32_t acc[4];
            block = (p.out - row >= 4) ? 4 : 1;
            for (int32_t r = 0; r < block; r++) {
                acc[r] = p.bias[row + r];
            }
            if (block == 4) {
                dot4(acc, input, weights, p.in);
            } else {
                acc[0] = dot1(acc[0], input, weights, p.in);
            }
            weights += block * p.in;
            for (int32_t r = 0; r < block; r++) {
                const int32_t channel = (row + r) * p.per_channel;
                const int32_t scaled = mcu_scale(acc[r], p.multiplier[channel], p.shift[channel]);
                *output = (int8_t)mcu_clamp(scaled + p.output_offset, p.act_min, p.act_max);
                output++;
            }
        }
        input += p.in;
    }
}
