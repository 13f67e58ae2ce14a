/* mcu_pad_s16.h: surrounds an int16 tensor with a constant.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_PAD_S16_H
#define MCU_PAD_S16_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t in_shape[4];
    int32_t out_shape[4]; ///< at least in_shape + before
    int32_t before[4];    ///< elements of padding in front of each axis
    int16_t value;        ///< of the padding
} mcu_pad_s16_params;

/// input [in_shape], output [out_shape]; they must not overlap.
void mcu_pad_s16_ref(const mcu_pad_s16_params *params, const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_PAD_S16_H */
