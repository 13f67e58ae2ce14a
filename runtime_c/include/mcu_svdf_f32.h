/* mcu_svdf_f32.h: a dense layer of low rank over time, on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_SVDF_F32_H
#define MCU_SVDF_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_size;
    int32_t units;
    int32_t rank;       ///< filters of a unit
    int32_t memory;     ///< features that a filter remembers
    int32_t activation; ///< see mcu_activation_f32.h
    float act_min;
    float act_max;
    const float *features; ///< [units][rank][in_size]
    const float *time;     ///< [units][rank][memory]
    const float *bias;     ///< [units]; NULL for none
} mcu_svdf_f32_params;

/// input [batch][in_size], output [batch][units]. The state [batch][units][rank][memory], oldest
/// feature first, is read and updated; none of them may overlap.
void mcu_svdf_f32_ref(const mcu_svdf_f32_params *params, const float *input, float *state,
                      float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_SVDF_F32_H */
