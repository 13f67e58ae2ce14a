/* mcu_depthwise_conv2d_f32_ref.c: depthwise 2-D convolution on float32, plain C, any core.
 *
 * For each output position the window is clipped to the input, so padding costs nothing. Where each
 * input channel has one output channel, four neighbours are computed at a time. Each channel is
 * summed in the order of the weights, and the bias is added last.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_f32.h"

#include <stddef.h>

#include "mcu_float.h"
#include "mcu_port.h"
#include "mcu_window.h"

/* The part of a window that lies on the input. */
typedef struct {
    const float *x; /* of its first tap, channel 0 */
    const float *w;
    int32_t rows;
    int32_t cols;
    int32_t down;   /* step to the tap below */
    int32_t right;  /* step to the tap on the right */
    int32_t w_skip; /* from behind the last tap of a row to the first one of the next row */
} patch;

static patch clip(const mcu_depthwise_conv2d_f32_params *p, const float *image, int32_t y0,
                  int32_t x0) {
    const mcu_taps y = mcu_clip_window(y0, p->in_h, p->kernel_h, p->dilation_h);
    const mcu_taps x = mcu_clip_window(x0, p->in_w, p->kernel_w, p->dilation_w);
    const int32_t in_y = y0 + y.begin * p->dilation_h;
    const int32_t in_x = x0 + x.begin * p->dilation_w;
    const patch part = {
        .x = image + (in_y * p->in_w + in_x) * p->in_ch,
        .w = p->weights + (y.begin * p->kernel_w + x.begin) * p->out_ch,
        .rows = y.end - y.begin,
        .cols = x.end - x.begin,
        .down = p->dilation_h * p->in_w * p->in_ch,
        .right = p->dilation_w * p->in_ch,
        .w_skip = (p->kernel_w - (x.end - x.begin)) * p->out_ch,
    };
    return part;
}

/* acc[c] = sum over the window of x[c] * w[c], for four neighbours from `channel` on. */
static void dot4(float acc[4], const patch *part, int32_t channel, int32_t pitch) {
    const int32_t right = part->right;
    const float *row = part->x + channel;
    const float *w = part->w + channel;
    float a0 = 0.0F;
    float a1 = 0.0F;
    float a2 = 0.0F;
    float a3 = 0.0F;
    for (int32_t y = part->rows; y > 0; y--) {
        const float *x = row;
        for (int32_t n = part->cols; n > 0; n--) {
            a0 += x[0] * w[0];
            a1 += x[1] * w[1];
            a2 += x[2] * w[2];
            a3 += x[3] * w[3];
            x += right;
            w += pitch;
        }
        row += part->down;
        w += part->w_skip;
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static float dot1(const patch *part, int32_t in_channel, int32_t channel, int32_t pitch) {
    const float *row = part->x + in_channel;
    const float *w = part->w + channel;
    float acc = 0.0F;
    for (int32_t y = part->rows; y > 0; y--) {
        const float *x = row;
        for (int32_t n = part->cols; n > 0; n--) {
            acc += *x * *w;
            x += part->right;
            w += pitch;
        }
        row += part->down;
        w += part->w_skip;
    }
    return acc;
}

/* All channels of one output position. */
static void convolve(const mcu_depthwise_conv2d_f32_params *p, const patch *part, float *output) {
    const int32_t multiplier = p->out_ch / p->in_ch;
    int32_t block = 0;
    for (int32_t channel = 0; channel < p->out_ch; channel += block) {
        float acc[4];
        block = (multiplier == 1 && p->out_ch - channel >= 4) ? 4 : 1;
        if (block == 4) {
            dot4(acc, part, channel, p->out_ch);
        } else {
            acc[0] = dot1(part, channel / multiplier, channel, p->out_ch);
        }
        for (int32_t c = 0; c < block; c++) {
            const float bias = (p->bias == NULL) ? 0.0F : p->bias[channel + c];
            output[channel + c] = mcu_clampf(acc[c] + bias, p->act_min, p->act_max);
        }
    }
}

void mcu_depthwise_conv2d_f32_ref(const mcu_depthwise_conv2d_f32_params *params, const float *input,
                                  float *output) {
    const mcu_depthwise_conv2d_f32_params *const p = params;
    MCU_ASSERT(p->out_ch % p->in_ch == 0);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const float *const image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        const int32_t y0 = (row % p->out_h) * p->stride_h - p->pad_top;
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            const patch part = clip(p, image, y0, ox * p->stride_w - p->pad_left);
            convolve(p, &part, output);
            output += p->out_ch;
        }
    }
}
