/* mcu_conv2d_s4_ref.c: 2-D convolution of int8 with int4 weights, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_s4.h"

#include <stddef.h>

#include "mcu_fixed.h"
#include "mcu_int4.h"
#include "mcu_port.h"
#include "mcu_window.h"

/* The part of a window that lies on the input, and the input pixel of tap (0, 0). */
typedef struct {
    const int8_t *image;
    mcu_taps rows;
    mcu_taps cols;
    int32_t y;
    int32_t x;
} window;

/* The products of one window and the weights of channel `oc`. A window row whose taps lie side by
 * side in memory is one run. */
static int32_t convolve(int32_t acc, const mcu_conv2d_s4_params *p, const window *at, int32_t oc) {
    const int32_t depth = p->in_ch / p->groups;
    const int32_t group = oc / (p->out_ch / p->groups);
    const int joined = (p->dilation_w == 1) && (p->groups == 1);
    const int32_t step = joined ? at->cols.end - at->cols.begin : 1;
    for (int32_t ky = at->rows.begin; ky < at->rows.end; ky++) {
        const int32_t row = (at->y + ky * p->dilation_h) * p->in_w;
        for (int32_t kx = at->cols.begin; kx < at->cols.end; kx += step) {
            const int32_t pixel = row + at->x + kx * p->dilation_w;
            const int32_t tap = (oc * p->kernel_h + ky) * p->kernel_w + kx;
            acc = mcu_dot_s4(acc, at->image + pixel * p->in_ch + group * depth, p->weights,
                             tap * depth, step * depth, p->input_offset);
        }
    }
    return acc;
}

void mcu_conv2d_s4_ref(const mcu_conv2d_s4_params *params, const int8_t *input, int8_t *output) {
    const mcu_conv2d_s4_params *const p = params;
    MCU_ASSERT(p->in_ch % p->groups == 0 && p->out_ch % p->groups == 0);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        window at;
        at.image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        at.y = (row % p->out_h) * p->stride_h - p->pad_top;
        at.rows = mcu_clip_window(at.y, p->in_h, p->kernel_h, p->dilation_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            at.x = ox * p->stride_w - p->pad_left;
            at.cols = mcu_clip_window(at.x, p->in_w, p->kernel_w, p->dilation_w);
            for (int32_t oc = 0; oc < p->out_ch; oc++) {
                const int32_t bias = (p->bias == NULL) ? 0 : p->bias[oc];
                const int32_t acc = convolve(bias, p, &at, oc);
                const int32_t scaled = mcu_scale(acc, p->multiplier[oc], p->shift[oc]);
                *output = (int8_t)mcu_clamp(scaled + p->output_offset, p->act_min, p->act_max);
                output++;
            }
        }
    }
}
