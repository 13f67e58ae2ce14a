/* mcu_svdf.h: a dense layer of low rank over time.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_SVDF_H
#define MCU_SVDF_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_size;
    int32_t units;
    int32_t rank;               ///< filters of a unit
    int32_t memory;             ///< features that a filter remembers
    int32_t input_offset;       ///< -zero_point of the input, [-127, 128]
    int32_t feature_multiplier; ///< Q0.31, input scale * weights scale / state scale
    int32_t feature_shift;      ///< [-31, 30], left when positive
    int32_t multiplier;         ///< Q0.31, state scale * time scale / output scale
    int32_t shift;              ///< [-31, 30], left when positive
    int32_t output_offset;      ///< zero_point of the output, [-128, 127]
    const int8_t *features;     ///< [units][rank][in_size]
    const int16_t *time;        ///< [units][rank][memory]
    const int32_t *bias;        ///< [units]; NULL for none
} mcu_svdf_s8_params;

/// input [batch][in_size], output [batch][units]. The state [batch][units][rank][memory], oldest
/// feature first, is read and updated; none of them may overlap.
void mcu_svdf_s8_ref(const mcu_svdf_s8_params *params, const int8_t *input, int16_t *state,
                     int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_SVDF_H */
