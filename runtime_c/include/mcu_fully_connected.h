/* mcu_fully_connected.h: a dense layer.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_H
#define MCU_FULLY_CONNECTED_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in;            ///< values per input vector
    int32_t out;           ///< values per output vector
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t act_min;       ///< fused activation, in units of the output
    int32_t act_max;
    int32_t per_channel;       ///< 1: a multiplier and a shift per output; 0: one for all
    const int8_t *weights;     ///< [out][in]
    const int32_t *bias;       ///< [out], includes -zero_point of the input * sum of the weights
    const int32_t *multiplier; ///< [out] or [1], Q0.31
    const int8_t *shift;       ///< [out] or [1], [-31, 30], left when positive
} mcu_fully_connected_s8_params;

/// Any sizes. input [batch][in], output [batch][out]; they must not overlap.
void mcu_fully_connected_s8_ref(const mcu_fully_connected_s8_params *params, const int8_t *input,
                                int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_H */
