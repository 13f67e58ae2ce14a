/* mcu_log_softmax_f32_ref.c: logarithm of softmax on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_math_f32.h"
#include "mcu_softmax_f32.h"

static void log_softmax_row(const mcu_softmax_f32_params *p, const float *input, float *output) {
    float max = input[0];
    for (int32_t c = 1; c < p->classes; c++) {
        max = (input[c] > max) ? input[c] : max;
    }
    float sum = 0.0F;
    for (int32_t c = 0; c < p->classes; c++) {
        sum += mcu_expf((input[c] - max) * p->beta);
    }
    const float log_sum = mcu_logf(sum);
    for (int32_t c = 0; c < p->classes; c++) {
        output[c] = (input[c] - max) * p->beta - log_sum;
    }
}

void mcu_log_softmax_f32_ref(const mcu_softmax_f32_params *params, const float *input,
                             float *output) {
    for (int32_t row = 0; row < params->rows; row++) {
        log_softmax_row(params, input, output);
        input += params->classes;
        output += params->classes;
    }
}
