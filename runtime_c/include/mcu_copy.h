/* mcu_copy.h: copies that rearrange a tensor of any type.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_COPY_H
#define MCU_COPY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The output is [size[0]][size[1]][size[2]][size[3]] runs of bytes, one after the other.
typedef struct {
    int32_t start;     ///< bytes from the input's begin to the first run
    int32_t size[4];   ///< 1 or more, outermost first
    int32_t stride[4]; ///< bytes in the input from one run to the next along an axis, any sign
    int32_t run;       ///< bytes that lie together in the input and in the output
} mcu_copy_strided_params;

/// Slices, transposes and block rearrangements; input and output must not overlap.
void mcu_copy_strided_ref(const mcu_copy_strided_params *params, const void *input, void *output);

/// The output is [size[0]][size[1]][size[2]][size[3]] runs of bytes, one after the other.
typedef struct {
    int32_t size[4];        ///< 1 or more, outermost first
    const int32_t *offsets; ///< bytes in the input, 0 or more: size[0] of them, then size[1], ...
    int32_t run;            ///< bytes that lie together in the input and in the output
} mcu_copy_indexed_params;

/// A run of the output comes from the sum of its axes' offsets; they must not overlap.
void mcu_copy_indexed_ref(const mcu_copy_indexed_params *params, const void *input, void *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_COPY_H */
