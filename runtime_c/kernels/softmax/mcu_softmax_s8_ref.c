/* mcu_softmax_s8_ref.c: softmax on int8, plain C, any core.
 *
 * Exponentials of the distance from the row's maximum, their sum, and its reciprocal, all in fixed
 * point. The exponentials are computed twice, which saves a buffer for them.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_softmax.h"

#include "mcu_exp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"

enum {
    DIFF_BITS = 5, /* integer bits of the scaled distance: Q5.26 */
    SUM_BITS = 12  /* integer bits of the sum: Q12.19 */
};

/* exp(beta * scale * diff) in Q0.31, diff <= 0; 0 where it is too small to matter.
 * diff_min is such that |diff * 2^shift| <= 31 * 2^26. */
static int32_t exponential(const mcu_softmax_s8_params *p, int32_t diff) {
    if (diff < p->diff_min) {
        return 0;
    }
    const int32_t scaled = mcu_mul_high(mcu_shift_left(diff, p->shift), p->multiplier);
    return mcu_exp_negative(scaled, DIFF_BITS);
}

static void softmax_row(const mcu_softmax_s8_params *p, const int8_t *input, int8_t *output) {
    int32_t max = input[0];
    for (int32_t c = 1; c < p->classes; c++) {
        max = (input[c] > max) ? input[c] : max;
    }

    /* int32: at most 4095 exponentials of at most 2^19; at least one of them is 2^19. */
    int32_t sum = 0;
    for (int32_t c = 0; c < p->classes; c++) {
        sum += mcu_round_shift(exponential(p, input[c] - max), SUM_BITS);
    }

    uint32_t mantissa = (uint32_t)sum; /* to [2^31, 2^32): 1 + x with x in Q0.31 */
    int32_t exponent = SUM_BITS + 31 - 8;
    while ((mantissa & 0x80000000U) == 0U) {
        mantissa <<= 1;
        exponent--;
    }
    const int32_t reciprocal = mcu_one_over_one_plus((int32_t)(mantissa & 0x7fffffffU));

    for (int32_t c = 0; c < p->classes; c++) {
        /* With an exponent above 31 every output is below half a step. */
        const int32_t product = mcu_mul_high(reciprocal, exponential(p, input[c] - max));
        const int32_t steps = (exponent > 31) ? 0 : mcu_round_shift(product, exponent);
        output[c] = (int8_t)mcu_clamp(steps - 128, -128, 127);
    }
}

void mcu_softmax_s8_ref(const mcu_softmax_s8_params *params, const int8_t *input, int8_t *output) {
    MCU_ASSERT(params->classes >= 1 && params->classes <= 4095 && params->shift >= 1);
    for (int32_t row = 0; row < params->rows; row++) {
        softmax_row(params, input, output);
        input += params->classes;
        output += params->classes;
    }
}
