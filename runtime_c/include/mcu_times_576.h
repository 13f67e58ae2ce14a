/* mcu_times_576.h: how the Winograd convolution requantizes, as its core does it.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_TIMES_576_H
#define MCU_TIMES_576_H

#include <stdint.h>

#include "mcu_dsp.h"
#include "mcu_times_256.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Modulo 2^32, where the inverse of 9 is 954,437,177: times 576 * S it is 256 * S, |S| < 2^23.
#define MCU_FOUR_NINTHS (4U * 954437177U)

/// FIXED: SSAT((z + offset) >> 16) with z = hi((576 * S + extra) * multiplier), the extra being a
/// part of the bias; SIGNED: `moved` is first subtracted from z if that is negative; both for sums
/// below 2^31 / 576. SCALED and GENERAL: FIXED and GENERAL of mcu_times_256.h. All but GENERAL are
/// proved to give the reference's value for all sums that each channel can reach.
enum { MCU_TIMES_576_GENERAL, MCU_TIMES_576_FIXED, MCU_TIMES_576_SIGNED, MCU_TIMES_576_SCALED };

/// Of 576 * S; the constants are multiplier, offset and, for SIGNED, moved, for GENERAL, shift.
static inline int8_t mcu_times_576(uint32_t times_576, const int32_t *constants, int32_t form) {
    if (form == MCU_TIMES_576_GENERAL || form == MCU_TIMES_576_SCALED) {
        const int32_t scaled = (int32_t)(times_576 * MCU_FOUR_NINTHS);
        return mcu_times_256(scaled, constants, (form == MCU_TIMES_576_SCALED) ? 1 : 0);
    }
    const int32_t high = mcu_smmul((int32_t)times_576, constants[0]);
    const int32_t moved = (form == MCU_TIMES_576_SIGNED && high < 0) ? constants[2] : 0;
    return mcu_ssat8((high - moved + constants[1]) >> 16);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_TIMES_576_H */
