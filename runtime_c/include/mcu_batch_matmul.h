/* mcu_batch_matmul.h: products of matrices.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_BATCH_MATMUL_H
#define MCU_BATCH_MATMUL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// x is seen as [batch][rows][depth], y as [batch][depth][cols], wherever their elements lie: a
/// stride is the distance of neighbours along an axis, 0 where they are the same.
typedef struct {
    int32_t batch[3];
    int32_t rows;
    int32_t depth; ///< [1, 33025]
    int32_t cols;
    int32_t x_stride[5];
    int32_t y_stride[5];
    int32_t x_offset;      ///< -zero_point, [-127, 128]
    int32_t y_offset;      ///< -zero_point, [-127, 128]
    int32_t output_offset; ///< zero_point of the output, [-128, 127]
    int32_t multiplier;    ///< Q0.31, scale of x * scale of y / scale of the output
    int32_t shift;         ///< [-31, 30], left when positive
} mcu_batch_matmul_s8_params;

/// output [batch][rows][cols]; it must not overlap x or y.
void mcu_batch_matmul_s8_ref(const mcu_batch_matmul_s8_params *params, const int8_t *x,
                             const int8_t *y, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_BATCH_MATMUL_H */
