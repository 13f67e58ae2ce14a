/* mcu_batch_matmul_s8_ref.c: products of int8 matrices, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_batch_matmul.h"
#include "mcu_fixed.h"
#include "mcu_port.h"

/* A row of x times a column of y.
 * int32: at most 33025 products of values of [-255, 255], |sum| < 2^31. */
static int32_t dot(const mcu_batch_matmul_s8_params *p, const int8_t *x, const int8_t *y) {
    const int32_t right = p->x_stride[4];
    const int32_t down = p->y_stride[3];
    int32_t acc = 0;
    for (int32_t k = 0; k < p->depth; k++) {
        acc += (x[k * right] + p->x_offset) * (y[k * down] + p->y_offset);
    }
    return acc;
}

/* One product of two matrices. */
static int8_t *multiply(const mcu_batch_matmul_s8_params *p, const int8_t *x, const int8_t *y,
                        int8_t *output) {
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t col = 0; col < p->cols; col++) {
            const int32_t acc = dot(p, x + row * p->x_stride[3], y + col * p->y_stride[4]);
            const int32_t scaled = mcu_scale(acc, p->multiplier, p->shift);
            *output = (int8_t)mcu_clamp(scaled + p->output_offset, INT8_MIN, INT8_MAX);
            output++;
        }
    }
    return output;
}

void mcu_batch_matmul_s8_ref(const mcu_batch_matmul_s8_params *params, const int8_t *x,
                             const int8_t *y, int8_t *output) {
    const mcu_batch_matmul_s8_params *const p = params;
    MCU_ASSERT(p->depth > 0 && p->depth <= 33025);

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
