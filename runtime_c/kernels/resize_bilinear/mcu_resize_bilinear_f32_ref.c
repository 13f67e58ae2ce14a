/* mcu_resize_bilinear_f32_ref.c: bilinear interpolation on float32, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_resize_bilinear_f32.h"

#include "mcu_port.h"

void mcu_resize_bilinear_f32_ref(const mcu_resize_bilinear_f32_params *params, const float *input,
                                 float *output) {
    const mcu_resize_bilinear_f32_params *const p = params;
    const int32_t pitch = p->in_w * p->channels;
    MCU_ASSERT(p->in_h > 0 && p->in_w > 0);

    for (int32_t n = 0; n < p->batch; n++) {
        for (int32_t y = 0; y < p->out_h; y++) {
            const float *const above = input + p->rows[2 * y] * pitch;
            const float *const below = input + p->rows[2 * y + 1] * pitch;
            const float down = p->down[y];
            const float up = 1.0F - down;
            for (int32_t x = 0; x < p->out_w; x++) {
                const int32_t first = p->cols[2 * x] * p->channels;
                const int32_t second = p->cols[2 * x + 1] * p->channels;
                const float right = p->right[x];
                const float left = 1.0F - right;
                for (int32_t c = 0; c < p->channels; c++) {
                    *output = above[first + c] * up * left + below[first + c] * down * left +
                              above[second + c] * up * right + below[second + c] * down * right;
                    output++;
                }
            }
        }
        input += p->in_h * pitch;
    }
}
