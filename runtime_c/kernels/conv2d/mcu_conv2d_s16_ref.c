/* mcu_conv2d_s16_ref.c: 2-D convolution of int16 with int8 weights, plain C, any core.
 *
 * For each output position the window is clipped to the input: padding is 0 and adds nothing. Where
 * the taps of a window row lie side by side in memory (no dilation, one group) the row is one run.
 * Four output channels share each input load.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_s16.h"

#include <stddef.h>

#include "mcu_port.h"
#include "mcu_sums_s16.h"
#include "mcu_window.h"

/* The part of a window that lies on the input, and the input pixel of tap (0, 0). */
typedef struct {
    const int16_t *image;
    mcu_taps rows;
    mcu_taps cols;
    int32_t y;
    int32_t x;
} window;

/* sum[c] += the products of one window and the weights of `block` channels from `oc` on. */
static void convolve(int64_t sum[4], const mcu_conv2d_s16_params *p, const window *at, int32_t oc,
                     int32_t block) {
    const int32_t depth = p->in_ch / p->groups;
    const int32_t group = oc / (p->out_ch / p->groups);
    const int32_t pitch = p->kernel_h * p->kernel_w * depth;
    const int joined = (p->dilation_w == 1) && (p->groups == 1);
    const int32_t step = joined ? at->cols.end - at->cols.begin : 1;
    for (int32_t ky = at->rows.begin; ky < at->rows.end; ky++) {
        const int32_t row = (at->y + ky * p->dilation_h) * p->in_w;
        for (int32_t kx = at->cols.begin; kx < at->cols.end; kx += step) {
            const int32_t pixel = row + at->x + kx * p->dilation_w;
            const int16_t *const x = at->image + pixel * p->in_ch + group * depth;
            const int8_t *const w = p->weights + oc * pitch + (ky * p->kernel_w + kx) * depth;
            if (block == 4) {
                mcu_dot4_s16(sum, x, w, pitch, step * depth);
            } else {
                sum[0] += mcu_dot_s16(x, w, step * depth);
            }
        }
    }
}

void mcu_conv2d_s16_ref(const mcu_conv2d_s16_params *params, const int16_t *input,
                        int16_t *output) {
    const mcu_conv2d_s16_params *const p = params;
    const int32_t per_group = p->out_ch / p->groups;
    MCU_ASSERT(p->in_ch % p->groups == 0 && p->out_ch % p->groups == 0);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        window at;
        at.image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        at.y = (row % p->out_h) * p->stride_h - p->pad_top;
        at.rows = mcu_clip_window(at.y, p->in_h, p->kernel_h, p->dilation_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            int32_t block = 0;
            at.x = ox * p->stride_w - p->pad_left;
            at.cols = mcu_clip_window(at.x, p->in_w, p->kernel_w, p->dilation_w);
            for (int32_t oc = 0; oc < p->out_ch; oc += block) {
                int64_t sum[4] = {0, 0, 0, 0};
                block = (per_group - oc % per_group >= 4) ? 4 : 1;
                for (int32_t c = 0; c < block && p->bias != NULL; c++) {
                    sum[c] = p->bias[oc + c];
                }
                convolve(sum, p, &at, oc, block);
                for (int32_t c = 0; c < block; c++) {
                    *output = mcu_finish_s16(sum[c], p->wide, p->multiplier[oc + c],
                                             p->shift[oc + c], p->act_min, p->act_max);
                    output++;
                }
            }
        }
    }
}
