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
    int32_t wide; ///< 0: indices are int32_t, 1: int64_t
} mcu_arg_max_params;

/// An index to a place of the output.
static inline void mcu_put_index(void *output, int32_t place, int32_t index, int32_t wide) {
    if (wide != 0) {
        ((int64_t *)output)[place] = index;
    } else {
        ((int32_t *)output)[place] = index;
    }
}

/// The first one of equal elements. input [outer][count][inner], output [outer][inner]; they must
/// not overlap.
void mcu_arg_max_s8_ref(const mcu_arg_max_params *params, const int8_t *input, void *output);
void mcu_arg_max_f32_ref(const mcu_arg_max_params *params, const float *input, void *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_ARG_MAX_H */
