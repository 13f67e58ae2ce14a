/* mcu_mean_f32_ref.c: mean over one or two groups of axes on float32, plain C, any core.
 *
 * The sums of the inner axis grow in the output, in the order of the input.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_mean_f32.h"
#include "mcu_port.h"

void mcu_mean_f32_ref(const mcu_mean_f32_params *params, const float *input, float *output) {
    const mcu_mean_f32_params p = *params;
    const int32_t group = p.cols * p.inner;
    MCU_ASSERT(p.divisor > 0.0F);

    for (int32_t i = 0; i < p.outer * p.middle; i++) {
        const int32_t first = (i / p.middle) * p.rows * p.middle + i % p.middle;
        for (int32_t c = 0; c < p.inner; c++) {
            output[c] = 0.0F;
        }
        for (int32_t row = 0; row < p.rows; row++) {
            const float *x = input + (first + row * p.middle) * group;
            for (int32_t col = 0; col < p.cols; col++) {
                for (int32_t c = 0; c < p.inner; c++) {
                    output[c] += x[c];
                }
                x += p.inner;
            }
        }
        for (int32_t c = 0; c < p.inner; c++) {
            output[c] /= p.divisor;
        }
        output += p.inner;
    }
}
