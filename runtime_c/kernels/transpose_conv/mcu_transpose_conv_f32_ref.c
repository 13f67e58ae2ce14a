/* mcu_transpose_conv_f32_ref.c: transposed 2-D convolution on float32, plain C, any core.
 *
 * For each output position the inputs are found that reach it, so that no buffer of sums is needed:
 * tap k of input pixel i reaches output i * stride - pad + k.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_transpose_conv_f32.h"

#include <stddef.h>

#include "mcu_float.h"
#include "mcu_port.h"

/* The inputs [first, end) of one axis that reach a position; input i does so by tap
 * position - i * stride. */
typedef struct {
    int32_t first;
    int32_t end;
    int32_t position;
} sources;

static sources reach(int32_t position, int32_t kernel, int32_t stride, int32_t size) {
    sources s = {0, position / stride + 1, position};
    if (position >= kernel) {
        s.first = (position - kernel) / stride + 1;
    }
    if (s.end > size) {
        s.end = size;
    }
    return s;
}

/* The products that meet in one output element; `weights` are those of its channel. */
static float gather(const mcu_transpose_conv_f32_params *p, const float *image,
                    const float *weights, sources rows, sources cols) {
    float acc = 0.0F;
    for (int32_t y = rows.first; y < rows.end; y++) {
        for (int32_t x = cols.first; x < cols.end; x++) {
            const int32_t ky = rows.position - y * p->stride_h;
            const int32_t kx = cols.position - x * p->stride_w;
            const float *const values = image + (y * p->in_w + x) * p->in_ch;
            const float *const w = weights + (ky * p->kernel_w + kx) * p->in_ch;
            for (int32_t c = 0; c < p->in_ch; c++) {
                acc += values[c] * w[c];
            }
        }
    }
    return acc;
}

void mcu_transpose_conv_f32_ref(const mcu_transpose_conv_f32_params *params, const float *input,
                                float *output) {
    const mcu_transpose_conv_f32_params *const p = params;
    const int32_t pitch = p->kernel_h * p->kernel_w * p->in_ch;
    MCU_ASSERT(p->stride_h > 0 && p->stride_w > 0);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const float *const image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        const sources rows = reach(row % p->out_h + p->pad_top, p->kernel_h, p->stride_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const sources cols = reach(x + p->pad_left, p->kernel_w, p->stride_w, p->in_w);
            for (int32_t c = 0; c < p->out_ch; c++) {
                const float bias = (p->bias == NULL) ? 0.0F : p->bias[c];
                const float acc = gather(p, image, p->weights + c * pitch, rows, cols);
                *output = mcu_clampf(acc + bias, p->act_min, p->act_max);
                output++;
            }
        }
    }
}
