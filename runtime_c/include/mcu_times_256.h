/* mcu_times_256.h: how the convolutions with sums times 256 requantize, as their cores do it.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_TIMES_256_H
#define MCU_TIMES_256_H

#include <stdint.h>

#include "mcu_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Of 256 * S. FIXED: SSAT((hi(256 * S * multiplier) + offset) >> 13), the constants being
/// multiplier and offset. GENERAL, with x = hi(2 * S * multiplier), rounded: SSAT((x - (x < 0) +
/// offset) >> shift), the constants being multiplier, offset and shift.
static inline int8_t mcu_times_256(int32_t times_256, const int32_t *constants, int32_t fixed) {
    if (fixed != 0) {
        return mcu_ssat8((mcu_smmul(times_256, constants[0]) + constants[1]) >> 13);
    }
    const int32_t scaled = mcu_smmulr(times_256 >> 7, constants[0]);
    return mcu_ssat8((scaled + (scaled >> 31) + constants[1]) >> constants[2]);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_TIMES_256_H */
