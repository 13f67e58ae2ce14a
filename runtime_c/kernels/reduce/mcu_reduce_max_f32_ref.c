/* mcu_reduce_max_f32_ref.c: the largest or the smallest value over one or two groups of axes on
 * float32, plain C, any core.
 *
 * The maxima of the inner axis grow in the output.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_port.h"
#include "mcu_reduce_f32.h"

void mcu_reduce_max_f32_ref(const mcu_reduce_max_f32_params *params, const float *input,
                            float *output) {
    const mcu_reduce_max_f32_params p = *params;
    const int32_t group = p.cols * p.inner;
    MCU_ASSERT(p.rows > 0 && p.cols > 0);

    for (int32_t i = 0; i < p.outer * p.middle; i++) {
        const int32_t first = (i / p.middle) * p.rows * p.middle + i % p.middle;
        for (int32_t c = 0; c < p.inner; c++) {
            output[c] = input[first * group + c];
        }
        for (int32_t row = 0; row < p.rows; row++) {
            const float *x = input + (first + row * p.middle) * group;
            for (int32_t col = 0; col < p.cols; col++) {
                for (int32_t c = 0; c < p.inner; c++) {
                    output[c] = (p.sign * x[c] > p.sign * output[c]) ? x[c] : output[c];
                }
                x += p.inner;
            }
        }
        output += p.inner;
    }
}
