/* mcu_move.h: a tensor to another place.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MOVE_H
#define MCU_MOVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t bytes;
} mcu_move_params;

/// The places may overlap in any way.
void mcu_move_ref(const mcu_move_params *params, const void *input, void *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_MOVE_H */
