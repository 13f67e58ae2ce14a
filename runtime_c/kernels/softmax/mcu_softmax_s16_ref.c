/* mcu_softmax_s16_ref.c: softmax on int16, by interpolation in two tables, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_softmax_s16.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

/* The table at an int16 value; 7 bits lie between two entries. */
static int32_t lookup(const int16_t *table, int32_t x) {
    const int16_t *const entry = table + 256 + (x >> 7);
    return entry[0] + (((entry[1] - entry[0]) * (x & 0x7F) + 64) >> 7);
}

static int32_t leading_zeros(int32_t x) {
    int32_t count = 0;
    for (; x > 0; x >>= 1) {
        count++;
    }
    return 32 - count;
}

/* The exponential of a value that is `distance` <= 0 away from the row's largest, Q0.15. */
static int32_t exponential(const mcu_softmax_s16_params *p, int32_t distance) {
    const int32_t scaled = mcu_scale(distance, p->multiplier, p->shift) + INT16_MAX;
    return lookup(p->exponentials, mcu_clamp(scaled, INT16_MIN, INT16_MAX));
}

void mcu_softmax_s16_ref(const mcu_softmax_s16_params *params, const int16_t *input,
                         int16_t *output) {
    const mcu_softmax_s16_params *const p = params;
    MCU_ASSERT(p->classes > 0 && p->shift <= 15);

    for (int32_t row = 0; row < p->rows; row++) {
        int32_t top = INT16_MIN;
        int32_t sum = 0; /* Q16.15, at least that of the largest value, below 2^27 */
        for (int32_t c = 0; c < p->classes; c++) {
            top = (input[c] > top) ? input[c] : top;
        }
        for (int32_t c = 0; c < p->classes; c++) {
            const int32_t e = exponential(p, input[c] - top);
            sum += e;
            output[c] = (int16_t)e;
        }
        const int32_t right = 31 - leading_zeros(sum);
        const uint32_t raised = (uint32_t)sum << (uint32_t)(30 - right); /* [2^30, 2^31) */
        const int32_t x = (int32_t)((raised + (1U << 13)) >> 14) - 98304;
        const int32_t reciprocal = lookup(p->reciprocals, mcu_clamp(x, INT16_MIN, INT16_MAX));
        for (int32_t c = 0; c < p->classes; c++) {
            const int64_t product = (int64_t)output[c] * reciprocal + (1 << (right - 1));
            output[c] = (int16_t)mcu_clamp((int32_t)(product >> right), 0, INT16_MAX);
        }
        input += p->classes;
        output += p->classes;
    }
}
