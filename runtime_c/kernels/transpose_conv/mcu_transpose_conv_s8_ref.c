/* mcu_transpose_conv_s8_ref.c: transposed 2-D convolution on int8, plain C, any core.
 *
 * For each output position the taps are found that reach it, so that no buffer of sums is needed:
 * tap k of input pixel i reaches output i * stride - pad + k.
 * SPDX-License-Identifier: MIT-0 */
#include <stddef.h>

#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_transpose_conv.h"

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

/* acc + sum of (x[i] + offset) * w[i].
 * int32: |sum| < 2^31 is checked for the actual weights when the project is generated. */
static int32_t dot(int32_t acc, const int8_t *x, const int8_t *w, int32_t count, int32_t offset) {
    for (int32_t i = 0; i < count; i++) {
        acc += (x[i] + offset) * w[i];
    }
    return acc;
}

/* The products that meet in one output element; `weights` are those of its channel. */
static int32_t gather(int32_t acc, const mcu_transpose_conv_s8_params *p, const int8_t *image,
                      const int8_t *weights, taps rows, taps cols) {
    int32_t y = rows.at;
    for (int32_t ky = rows.first; ky < rows.end; ky += p->stride_h) {
        int32_t x = cols.at;
        for (int32_t kx = cols.first; kx < cols.end; kx += p->stride_w) {
            acc = dot(acc, image + (y * p->in_w + x) * p->in_ch,
                      weights + (ky * p->kernel_w + kx) * p->in_ch, p->in_ch, p->input_offset);
            x--;
        }
        y--;
    }
    return acc;
}

void mcu_transpose_conv_s8_ref(const mcu_transpose_conv_s8_params *params, const int8_t *input,
                               int8_t *output) {
    const mcu_transpose_conv_s8_params *const p = params;
    const int32_t pitch = p->kernel_h * p->kernel_w * p->in_ch;
    MCU_ASSERT(p->stride_h > 0 && p->stride_w > 0);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const int8_t *const image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        const taps rows = reach(row % p->out_h + p->pad_top, p->kernel_h, p->stride_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const taps cols = reach(x + p->pad_left, p->kernel_w, p->stride_w, p->in_w);
            for (int32_t c = 0; c < p->out_ch; c++) {
                const int32_t bias = (p->bias == NULL) ? 0 : p->bias[c];
                const int32_t acc = gather(bias, p, image, p->weights + c * pitch, rows, cols);
                const int32_t scaled = mcu_scale(acc, p->multiplier[c], p->shift[c]);
                *output = (int8_t)mcu_clamp(scaled + p->output_offset, p->act_min, p->act_max);
                output++;
            }
        }
    }
}
