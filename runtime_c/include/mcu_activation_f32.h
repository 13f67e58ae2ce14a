/* mcu_activation_f32.h: what recurrent layers do to a float32 sum.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ACTIVATION_F32_H
#define MCU_ACTIVATION_F32_H

#include <stdint.h>

#include "mcu_math_f32.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCU_ACTIVATION_CLAMP    0 /* to [low, high] */
#define MCU_ACTIVATION_TANH     1
#define MCU_ACTIVATION_SIGN_BIT 2 /* 1 for numbers below 0 and for -0.0, else 0 */

/// `function` is one of these numbers; `low` and `high` belong to the clamp.
static inline float mcu_activatef(int32_t function, float low, float high, float x) {
    if (function == MCU_ACTIVATION_TANH) {
        return mcu_tanhf(x);
    }
    if (function == MCU_ACTIVATION_SIGN_BIT) {
        return ((mcu_float_bits(x) >> 31) != 0U) ? 1.0F : 0.0F;
    }
    return mcu_clampf(x, low, high);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_ACTIVATION_F32_H */
