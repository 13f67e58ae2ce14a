/* mcu_gather.h: picks entries of an axis by a tensor of indices, for tensors of any type.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_GATHER_H
#define MCU_GATHER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch; ///< axes that input and indices share
    int32_t outer; ///< axes of the input between those and the indexed one
    int32_t axis;  ///< entries of the indexed axis
    int32_t count; ///< indices of each batch
    int32_t inner; ///< bytes of an entry
} mcu_gather_params;

/// An index outside of [0, axis) takes the first or the last entry: it never reads elsewhere.
/// input [batch][outer][axis][inner], indices [batch][count], output [batch][outer][count][inner];
/// the output must not overlap either.
void mcu_gather_ref(const mcu_gather_params *params, const void *input, const int32_t *indices,
                    void *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_GATHER_H */
