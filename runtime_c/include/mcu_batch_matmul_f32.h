/* mcu_batch_matmul_f32.h: products of float32 matrices.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_BATCH_MATMUL_F32_H
#define MCU_BATCH_MATMUL_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// x is seen as [batch][rows][depth], y as [batch][depth][cols], wherever their elements lie: a
/// stride is the distance of neighbours along an axis, 0 where they are the same.
typedef struct {
    int32_t batch[3];
    int32_t rows;
    int32_t depth;
    int32_t cols;
    int32_t x_stride[5];
    int32_t y_stride[5];
} mcu_batch_matmul_f32_params;

/// output [batch][rows][cols]; it must not overlap x or y.
void mcu_batch_matmul_f32_ref(const mcu_batch_matmul_f32_params *params, const float *x,
                              const float *y, float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_BATCH_MATMUL_F32_H */
