/* mcu_space_to_batch_ref.c: deals an image's pixels out to a batch, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_space_to_batch.h"

#include <stddef.h>
#include <string.h>

#include "mcu_port.h"

/* One image of the output: each block_h-th row and block_w-th column, from (row, col) of the input
 * on, where negative ones and those beyond its size are padding. */
static int8_t *take_image(const mcu_space_to_batch_params *p, const int8_t *image, int32_t row,
                          int32_t col, int8_t *to) {
    for (int32_t y = row; y < row + p->out_h * p->block_h; y += p->block_h) {
        for (int32_t x = col; x < col + p->out_w * p->block_w; x += p->block_w) {
            if (y < 0 || y >= p->in_h || x < 0 || x >= p->in_w) {
                memset(to, p->fill, (size_t)p->pixel);
            } else {
                memcpy(to, image + (y * p->in_w + x) * p->pixel, (size_t)p->pixel);
            }
            to += p->pixel;
        }
    }
    return to;
}

void mcu_space_to_batch_ref(const mcu_space_to_batch_params *params, const void *input,
                            void *output) {
    const mcu_space_to_batch_params *const p = params;
    int8_t *to = output;
    MCU_ASSERT(p->block_h > 0 && p->block_w > 0);

    for (int32_t i = 0; i < p->block_h; i++) {
        for (int32_t j = 0; j < p->block_w; j++) {
            for (int32_t n = 0; n < p->batch; n++) {
                const int8_t *const image =
                    (const int8_t *)input + n * p->in_h * p->in_w * p->pixel;
                to = take_image(p, image, i - p->pad_top, j - p->pad_left, to);
            }
        }
    }
}
