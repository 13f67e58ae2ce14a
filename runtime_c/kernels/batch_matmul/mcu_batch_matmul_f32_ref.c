/* mcu_batch_matmul_f32_ref.c: products of float32 matrices, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_batch_matmul_f32.h"

/* A row of x times a column of y. */
static float dot(const mcu_batch_matmul_f32_params *p, const float *x, const float *y) {
    const int32_t right = p->x_stride[4];
    const int32_t down = p->y_stride[3];
    float acc = 0.0F;
    for (int32_t k = 0; k < p->depth; k++) {
        acc += x[k * right] * y[k * down];
    }
    return acc;
}

/* One product of two matrices. */
static float *multiply(const mcu_batch_matmul_f32_params *p, const float *x, const float *y,
                       float *output) {
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t col = 0; col < p->cols; col++) {
            *output = dot(p, x + row * p->x_stride[3], y + col * p->y_stride[4]);
            output++;
        }
    }
    return output;
}

void mcu_batch_matmul_f32_ref(const mcu_batch_matmul_f32_params *params, const float *x,
                              const float *y, float *output) {
    const mcu_batch_matmul_f32_params *const p = params;
    for (int32_t i = 0; i < p->batch[0]; i++) {
        for (int32_t j = 0; j < p->batch[1]; j++) {
            for (int32_t k = 0; k < p->batch[2]; k++) {
                const int32_t at_x = i * p->x_stride[0] + j * p->x_stride[1] + k * p->x_stride[2];
                const int32_t at_y = i * p->y_stride[0] + j * p->y_stride[1] + k * p->y_stride[2];
                output = multiply(p, x + at_x, y + at_y, output);
            }
        }
    }
}
