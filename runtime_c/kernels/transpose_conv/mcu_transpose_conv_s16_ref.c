/* mcu_transpose_conv_s16_ref.c: transposed 2-D convolution of int16 with int8 weights, plain C, any
 * core.
 *
 * For each output position the taps are found that reach it, so that no buffer of sums is needed:
 * tap k of input pixel i reaches output i * stride - pad + k.
 * SPDX-License-Identifier: MIT-0 */
#include <stddef.h>

#include "mcu_port.h"
#include "mcu_sums_s16.h"
#include "mcu_transpose_conv_s16.h"

/* The taps first, first + stride, ... below end of one axis; tap `first` meets input `at`, and each
 * further tap the input before. */
typedef struct {
    int32_t first;
    int32_t end;
    int32_t at;
} taps;

static taps reach(int32_t position, int32_t kernel, int32_t stride, int32_t size) {
    taps t = {position % stride, kernel, position / stride};
    if (t.at >= size) {
        t.first += (t.at - size + 1) * stride;
        t.at = size - 1;
    }
    if (t.end > position + 1) {
        t.end = position + 1;
    }
    return t;
}

/* The products that meet in one output element; `weights` are those of its channel. */
static int64_t gather(const mcu_transpose_conv_s16_params *p, const int16_t *image,
                      const int8_t *weights, taps rows, taps cols) {
    int64_t sum = 0;
    int32_t y = rows.at;
    for (int32_t ky = rows.first; ky < rows.end; ky += p->stride_h) {
        int32_t x = cols.at;
        for (int32_t kx = cols.first; kx < cols.end; kx += p->stride_w) {
            sum += mcu_dot_s16(image + (y * p->in_w + x) * p->in_ch,
                               weights + (ky * p->kernel_w + kx) * p->in_ch, p->in_ch);
            x--;
        }
        y--;
    }
    return sum;
}

void mcu_transpose_conv_s16_ref(const mcu_transpose_conv_s16_params *params, const int16_t *input,
                                int16_t *output) {
    const mcu_transpose_conv_s16_params *const p = params;
    const int32_t pitch = p->kernel_h * p->kernel_w * p->in_ch;
    MCU_ASSERT(p->stride_h > 0 && p->stride_w > 0);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const int16_t *const image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        const taps rows = reach(row % p->out_h + p->pad_top, p->kernel_h, p->stride_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const taps cols = reach(x + p->pad_left, p->kernel_w, p->stride_w, p->in_w);
            for (int32_t c = 0; c < p->out_ch; c++) {
                const int64_t bias = (p->bias == NULL) ? 0 : p->bias[c];
                const int64_t sum = gather(p, image, p->weights + c * pitch, rows, cols);
                *output = mcu_finish_s16(bias + sum, p->wide, p->multiplier[c], p->shift[c],
                                         p->act_min, p->act_max);
                output++;
            }
        }
    }
}
