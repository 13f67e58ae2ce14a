/* mcu_softmax_f32_ref.c: softmax on float32, plain C, any core.
 *
 * The output holds the exponentials until their sum is known.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_float.h"
#include "mcu_softmax_f32.h"

static void softmax_row(const mcu_softmax_f32_params *p, const float *input, float *output) {
    float max = input[0];
    for (int32_t c = 1; c < p->classes; c++) {
        max = (input[c] > max) ? input[c] : max;
    }
    float sum = 0.0F;
    for (int32_t c = 0; c < p->classes; c++) {
        output[c] = mcu_expf((input[c] - max) * p->beta);
        sum += output[c];
    }
    for (int32_t c = 0; c < p->classes; c++) {
        output[c] /= sum;
    }
}

void mcu_softmax_f32_ref(const mcu_softmax_f32_params *params, const float *input, float *output) {
    for (int32_t row = 0; row < params->rows; row++) {
        softmax_row(params, input, output);
        input += params->classes;
        output += params->classes;
    }
}
