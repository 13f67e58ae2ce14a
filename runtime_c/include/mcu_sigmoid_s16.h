/* mcu_sigmoid_s16.h: sigmoid and tanh of int16 values, by interpolation in a table.
 * The table holds the sigmoid of i / 24 in Q0.16 for i in [0, 255].
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_SIGMOID_S16_H
#define MCU_SIGMOID_S16_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The table at a magnitude with `bits` behind the point, and as many in the result; bits <= 9.
static inline int32_t mcu_interpolate_s16(const uint16_t *table, int32_t magnitude, int32_t bits,
                                          int32_t beyond) {
    const int32_t step = magnitude >> bits;
    if (step >= 255) {
        return beyond * (1 << bits);
    }
    const int32_t low = table[step];
    const int32_t fraction = magnitude & ((1 << bits) - 1);
    return low * (1 << bits) + fraction * (table[step + 1] - low);
}

/// The sigmoid in Q0.15 of a value in steps of the table with 9 bits behind the point.
static inline int32_t mcu_sigmoid_of_steps(const uint16_t *table, int32_t steps) {
    const int32_t y = mcu_interpolate_s16(table, (steps < 0) ? -steps : steps, 9, 0x7FFF * 2);
    return ((steps < 0) ? (1 << 25) - y + 511 : y + 512) >> 10;
}

/// The tanh in Q0.15 of a value in steps of the table with 9 bits behind the point.
static inline int32_t mcu_tanh_of_steps(const uint16_t *table, int32_t steps) {
    const int32_t y = mcu_interpolate_s16(table, (steps < 0) ? -steps : steps, 8, 0xFFFF);
    return ((steps < 0) ? (1 << 23) - y + 127 : y - (1 << 23) + 128) >> 8;
}

/// The sigmoid of a value in Q3.12, in Q0.15.
static inline int32_t mcu_sigmoid_s16(const uint16_t *table, int32_t x) {
    return mcu_sigmoid_of_steps(table, 3 * x); /* a step is 1/24 = 2^9 / 3 in Q3.12 */
}

/// The tanh of an int16 value that is in Q3.12 when shifted left, in Q0.15; shift in [-15, 11].
static inline int32_t mcu_tanh_s16(const uint16_t *table, int32_t x, int32_t shift) {
    const int32_t steps =
        (shift < 0) ? (3 * x + (1 << (-shift - 1))) >> -shift : 3 * x * (1 << shift);
    return mcu_tanh_of_steps(table, steps);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_SIGMOID_S16_H */
