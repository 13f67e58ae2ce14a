/* mcu_arg_max.h: index of the largest or smallest element along an axis.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_ARG_MAX_H
#define MCU_ARG_MAX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t outer;
    int32_t count; ///< elements along the axis, 1 or more
    int32_t inner;
    int32_t flip; ///< 0: the largest element, -1: the smallest
} mcu_arg_max_s8_params;

/// The first one of equal elements. input [outer][count][inner], output [outer][inner]; they must
/// not overlap.
void mcu_arg_max_s8_ref(const mcu_arg_max_s8_params *params, const int8_t *input, int32_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ARG_MAX_H */
