/* mcu_fully_connected_packed_s8_ref.h: dense layer on int8 with packed weights, any core.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FULLY_CONNECTED_PACKED_S8_REF_H
#define MCU_FULLY_CONNECTED_PACKED_S8_REF_H

#include <stdint.h>

#include "mcu_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in; ///< a multiple of 4
    int32_t out;
    mcu_finish finish;
    const int32_t *constants; ///< [out filled up to fours][3], or [3] for all
    const uint8_t *weights;   ///< [out / 4][in][4], plus 128
    const int32_t *bias;      ///< [out filled up to fours], the input's zero point folded in
} mcu_fully_connected_packed_s8_params;

/// Input [batch][in], output [batch][out]. Four outputs are written after the whole row of the
/// input was read; the output may begin so far in front of the input that it overwrites nothing
/// that is still to be read, otherwise they must not overlap.
void mcu_fully_connected_packed_s8_ref(const mcu_fully_connected_packed_s8_params *params,
                                       const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_FULLY_CONNECTED_PACKED_S8_REF_H */
