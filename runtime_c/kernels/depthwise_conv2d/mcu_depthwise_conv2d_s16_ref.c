/* mcu_depthwise_conv2d_s16_ref.c: depthwise convolution of int16 with int8 weights, plain C, any
 * core. SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_s16.h"

#include <stddef.h>

#include "mcu_port.h"
#include "mcu_sums_s16.h"
#include "mcu_window.h"

/* The part of a window that lies on the input: its first row and column there, and its taps. */
typedef struct {
    const int16_t *image;
    mcu_taps rows;
    mcu_taps cols;
    int32_t y;
    int32_t x;
} window;

/* sum[c] += the products of one window and the weights of `block` channels from `channel` on. */
static void convolve(int64_t sum[4], const mcu_depthwise_conv2d_s16_params *p, const window *at,
                     int32_t channel, int32_t block) {
    const int32_t in_channel = channel / (p->out_ch / p->in_ch);
    const int32_t count = at->cols.end - at->cols.begin;
    const int32_t step = p->dilation_w * p->in_ch;
    for (int32_t ky = at->rows.begin; ky < at->rows.end; ky++) {
        const int32_t pixel = (at->y + ky * p->dilation_h) * p->in_w + at->x;
        const int16_t *const x = at->image + pixel * p->in_ch + at->cols.begin * step + in_channel;
        const int32_t tap = ky * p->kernel_w + at->cols.begin;
        const int8_t *const w = p->weights + tap * p->out_ch + channel;
        if (block == 4) {
            mcu_dot_channels_s16(sum, x, step, w, p->out_ch, count);
        } else {
            sum[0] += mcu_dot_steps_s16(x, step, w, p->out_ch, count);
        }
    }
}

void mcu_depthwise_conv2d_s16_ref(const mcu_depthwise_conv2d_s16_params *params,
                                  const int16_t *input, int16_t *output) {
    const mcu_depthwise_conv2d_s16_params *const p = params;
    MCU_ASSERT(p->out_ch % p->in_ch == 0);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        window at;
        at.image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        at.y = (row % p->out_h) * p->stride_h - p->pad_top;
        at.rows = mcu_clip_window(at.y, p->in_h, p->kernel_h, p->dilation_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            int32_t block = 0;
            at.x = ox * p->stride_w - p->pad_left;
            at.cols = mcu_clip_window(at.x, p->in_w, p->kernel_w, p->dilation_w);
            for (int32_t channel = 0; channel < p->out_ch; channel += block) {
                int64_t sum[4] = {0, 0, 0, 0};
                block = (p->out_ch == p->in_ch && p->out_ch - channel >= 4) ? 4 : 1;
                for (int32_t c = 0; c < block && p->bias != NULL; c++) {
                    sum[c] = p->bias[channel + c];
                }
                convolve(sum, p, &at, channel, block);
                for (int32_t c = 0; c < block; c++) {
                    *output = mcu_finish_s16(sum[c], p->wide, p->multiplier[channel + c],
                                             p->shift[channel + c], p->act_min, p->act_max);
                    output++;
                }
            }
        }
    }
}
