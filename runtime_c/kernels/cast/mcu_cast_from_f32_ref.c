/* mcu_cast_from_f32_ref.c: floats to an integer type, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_cast.h"

#include "mcu_fixed.h"

/* Towards zero. Every float below 2^31 is at most 2^31 - 128; NaN fails all comparisons. */
static int32_t truncated(float x) {
    if (x >= 2147483648.0F) {
        return INT32_MAX;
    }
    if (x > -2147483648.0F) {
        return (int32_t)x;
    }
    return (x <= -2147483648.0F) ? INT32_MIN : 0;
}

static int32_t saturated(int32_t x, int32_t type) {
    switch (type) {
    case MCU_S16:
        return mcu_clamp(x, INT16_MIN, INT16_MAX);
    case MCU_S8:
        return mcu_clamp(x, INT8_MIN, INT8_MAX);
    case MCU_U8:
        return mcu_clamp(x, 0, UINT8_MAX);
    default:
        return x;
    }
}

void mcu_cast_from_f32_ref(const mcu_cast_params *params, const float *input, void *output) {
    const mcu_cast_params p = *params;
    for (int32_t i = 0; i < p.elements; i++) {
        const int32_t x = (p.to == MCU_BOOL) ? (input[i] != 0.0F) : truncated(input[i]);
        mcu_store_integer(output, p.to, i, saturated(x, p.to));
    }
}
