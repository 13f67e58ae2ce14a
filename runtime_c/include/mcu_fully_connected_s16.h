/* mcu_fully_connected_s16.h: a dense layer on int16 with int8 weights.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_S16_H
#define MCU_FULLY_CONNECTED_S16_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in;      ///< values per input vector
    int32_t out;     ///< values per output vector
    int32_t act_min; ///< fused activation, in units of the output
    int32_t act_max;
    int32_t wide;              ///< 1: sums are scaled as int64, 0: as int32, which they fit
    const int8_t *weights;     ///< [out][in]
    const int64_t *bias;       ///< [out], scale input * weights; NULL for none
    const int32_t *multiplier; ///< [out], Q0.31
    const int8_t *shift;       ///< [out], [-31, 30] or, if wide, [-31, 7], left when positive
} mcu_fully_connected_s16_params;

/// Any sizes; all zero points are 0. input [batch][in], output [batch][out]; they must not overlap.
void mcu_fully_connected_s16_ref(const mcu_fully_connected_s16_params *params, const int16_t *input,
                                 int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_S16_H */
