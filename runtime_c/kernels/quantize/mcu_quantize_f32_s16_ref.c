/* mcu_quantize_f32_s16_ref.c: float32 to int16, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_quantize.h"

#include "mcu_port.h"

/* Halves away from zero; |x| < 2^23, so that what the conversion cuts off is exact. */
static int32_t round_half_away(float x) {
    const int32_t whole = (int32_t)x;
    const float rest = x - (float)whole;
    return whole + ((rest >= 0.5F) ? 1 : 0) - ((rest <= -0.5F) ? 1 : 0);
}

void mcu_quantize_f32_s16_ref(const mcu_quantize_params *params, const float *input,
                              int16_t *output) {
    const mcu_quantize_params p = *params;
    const float low = (float)(INT16_MIN - p.zero_point);
    const float high = (float)(INT16_MAX - p.zero_point);
    MCU_ASSERT(p.scale > 0.0F);

    for (int32_t i = 0; i < p.elements; i++) {
        const float scaled = input[i] / p.scale;
        const float raised = (scaled > low) ? scaled : low; /* NaN too */
        const float steps = (raised < high) ? raised : high;
        output[i] = (int16_t)(round_half_away(steps) + p.zero_point);
    }
}
