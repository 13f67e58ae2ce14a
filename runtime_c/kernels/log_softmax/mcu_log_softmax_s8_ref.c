/* mcu_log_softmax_s8_ref.c: logarithm of the softmax on int8, plain C, any core.
 *
 * The distance from the row's maximum less the logarithm of the sum of exponentials.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_log_softmax.h"

#include "mcu_exp.h"
#include "mcu_fixed.h"
#include "mcu_log.h"
#include "mcu_port.h"

enum {
    DIFF_BITS = 5,  /* integer bits of the scaled distance: Q5.26 */
    SUM_BITS = 12,  /* integer bits of the sum: Q12.19 */
    OUTPUT_BITS = 4 /* integer bits of the output: Q4.4 */
};

/* log(sum of exp(scale * (input - max))) in Q5.26. |diff * 2^shift| <= 31 * 2^26 where it counts.
 */
static int32_t log_sum(const mcu_log_softmax_s8_params *p, const int8_t *input, int32_t max) {
    /* int32: at most 4095 exponentials of at most 2^19; at least one of them is 2^19. */
    int32_t sum = 0;
    for (int32_t c = 0; c < p->classes; c++) {
        const int32_t diff = input[c] - max;
        if (diff >= p->diff_min) {
            const int32_t scaled = mcu_scale(diff, p->multiplier, p->shift);
            sum += mcu_round_shift(mcu_exp_negative(scaled, DIFF_BITS), SUM_BITS);
        }
    }
    return mcu_log(sum, SUM_BITS);
}

static void log_softmax_row(const mcu_log_softmax_s8_params *p, const int8_t *input,
                            int8_t *output) {
    int32_t max = input[0];
    for (int32_t c = 1; c < p->classes; c++) {
        max = (input[c] > max) ? input[c] : max;
    }

    /* Distances up to the limit exceed what Q5.26 holds once the logarithm is subtracted. */
    const int32_t log = log_sum(p, input, max);
    int32_t limit = mcu_scale(INT32_MIN + log, p->inverse_multiplier, p->inverse_shift);
    limit = (limit > p->diff_min - 1) ? limit : p->diff_min - 1;

    for (int32_t c = 0; c < p->classes; c++) {
        const int32_t diff = input[c] - max;
        int32_t steps = -128;
        if (diff > limit) {
            const int32_t scaled = mcu_scale(diff, p->multiplier, p->shift) - log;
            steps = mcu_round_shift(scaled, 31 - DIFF_BITS - OUTPUT_BITS) + 127;
        }
        output[c] = (int8_t)mcu_clamp(steps, -128, 127);
    }
}

void mcu_log_softmax_s8_ref(const mcu_log_softmax_s8_params *params, const int8_t *input,
                            int8_t *output) {
    MCU_ASSERT(params->classes >= 1 && params->classes <= 4095 && params->shift >= 1);
    for (int32_t row = 0; row < params->rows; row++) {
        log_softmax_row(params, input, output);
        input += params->classes;
        output += params->classes;
    }
}
