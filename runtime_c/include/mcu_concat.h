/* mcu_concat.h: tensors of any type, one after the other along an axis.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CONCAT_H
#define MCU_CONCAT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Input i is [outer][bytes[i]], the output [outer][sum of bytes].
typedef struct {
    int32_t count; ///< of the inputs
    int32_t outer;
    const int32_t *bytes; ///< [count]
} mcu_concat_params;

/// inputs[count]; an input may occur twice, but none may overlap the output.
void mcu_concat_ref(const mcu_concat_params *params, const void *const *inputs, void *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_CONCAT_H */
