/* mcu_mean_s8_ref.c: mean over one or two groups of axes on int8, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fixed.h"
#include "mcu_mean.h"
#include "mcu_port.h"

/* acc[i] += sum over rows and cols of x[i], for four neighbours.
 * int32: fewer than 2^23 values of [-128, 127], less as many zero points: |sum| < 2^31. */
static void sum4(int32_t acc[4], const int8_t *x, const mcu_mean_s8_params *p) {
    const int32_t right = p->inner;
    const int32_t down = p->middle * p->cols * p->inner;
    int32_t a0 = acc[0];
    int32_t a1 = acc[1];
    int32_t a2 = acc[2];
    int32_t a3 = acc[3];
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *value = x + row * down;
        for (int32_t n = p->cols; n > 0; n--) {
            a0 += value[0];
            a1 += value[1];
            a2 += value[2];
            a3 += value[3];
            value += right;
        }
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static int32_t sum1(int32_t acc, const int8_t *x, const mcu_mean_s8_params *p) {
    const int32_t right = p->inner;
    const int32_t down = p->middle * p->cols * p->inner;
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *value = x + row * down;
        for (int32_t n = p->cols; n > 0; n--) {
            acc += *value;
            value += right;
        }
    }
    return acc;
}

void mcu_mean_s8_ref(const mcu_mean_s8_params *params, const int8_t *input, int8_t *output) {
    const mcu_mean_s8_params *const p = params;
    const int32_t group = p->cols * p->inner;
    MCU_ASSERT(p->rows > 0 && p->cols > 0);

    for (int32_t i = 0; i < p->outer * p->middle; i++) {
        const int32_t outer = i / p->middle;
        const int32_t middle = i % p->middle;
        const int8_t *const first = input + (outer * p->rows * p->middle + middle) * group;
        int32_t block = 0;
        for (int32_t inner = 0; inner < p->inner; inner += block) {
            int32_t acc[4] = {p->sum_offset, p->sum_offset, p->sum_offset, p->sum_offset};
            block = (p->inner - inner >= 4) ? 4 : 1;
            if (block == 4) {
                sum4(acc, first + inner, p);
            } else {
                acc[0] = sum1(acc[0], first + inner, p);
            }
            for (int32_t c = 0; c < block; c++) {
                const int32_t scaled = mcu_scale(acc[c], p->multiplier, p->shift);
                *output = (int8_t)mcu_clamp(scaled + p->output_offset, INT8_MIN, INT8_MAX);
                output++;
            }
        }
    }
}
