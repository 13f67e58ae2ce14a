/* mcu_int4.h: weights of four bits, two in a byte, the first in its low half.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_INT4_H
#define MCU_INT4_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The weight at a position, counted in weights.
static inline int32_t mcu_int4(const int8_t *packed, int32_t position) {
    const int32_t byte = packed[position >> 1];
    return ((position & 1) != 0) ? byte >> 4 : (int8_t)(uint8_t)((uint32_t)byte << 4) >> 4;
}

/// acc + sum of (x[i] + offset) * weight[position + i].
/// int32: |sum| < 2^31 is checked for the actual weights when the project is generated.
static inline int32_t mcu_dot_s4(int32_t acc, const int8_t *x, const int8_t *packed,
                                 int32_t position, int32_t count, int32_t offset) {
    int32_t i = 0;
    if ((position & 1) != 0 && count > 0) {
        acc += (x[0] + offset) * mcu_int4(packed, position);
        i = 1;
    }
    const int8_t *pair = packed + ((position + i) >> 1);
    for (; i + 2 <= count; i += 2) {
        acc += (x[i] + offset) * mcu_int4(pair, 0);
        acc += (x[i + 1] + offset) * mcu_int4(pair, 1);
        pair++;
    }
    if (i < count) {
        acc += (x[i] + offset) * mcu_int4(pair, 0);
    }
    return acc;
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_INT4_H */
