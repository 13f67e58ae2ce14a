/* mcu_fully_connected_f32.h: a dense layer on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_F32_H
#define MCU_FULLY_CONNECTED_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in;    ///< values per input vector
    int32_t out;   ///< values per output vector
    float act_min; ///< fused activation
    float act_max;
    const float *weights; ///< [out][in]
    const float *bias;    ///< [out]; NULL for none
} mcu_fully_connected_f32_params;

/// Any sizes. Products are added in the order of the weights, the bias last.
/// input [batch][in], output [batch][out]; they must not overlap.
void mcu_fully_connected_f32_ref(const mcu_fully_connected_f32_params *params, const float *input,
                                 float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_F32_H */
