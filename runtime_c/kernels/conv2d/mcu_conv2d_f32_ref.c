/* mcu_conv2d_f32_ref.c: 2-D convolution on float32, plain C, any core.
 *
 * For each output position the window is clipped to the input, so padding costs nothing. Where the
 * taps of a window row lie side by side in memory (no dilation, one group) the row is one run.
 * Four output channels share each input load; each is summed in the order of the weights, and the
 * bias is added last.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_f32.h"

#include <stddef.h>

#include "mcu_float.h"
#include "mcu_port.h"
#include "mcu_window.h"

/* The part of a window that lies on the input: `rows` times `runs` runs of `length` values. */
typedef struct {
    const float *x; /* of the first run, first group */
    const float *w; /* of the first run, first output channel */
    int32_t rows;
    int32_t runs;
    int32_t length;
    int32_t x_down;  /* step to the row below */
    int32_t x_right; /* step to the next run of a row */
    int32_t w_down;
    int32_t w_right;
} patch;

static patch clip(const mcu_conv2d_f32_params *p, const float *image, int32_t y0, int32_t x0) {
    const mcu_taps y = mcu_clip_window(y0, p->in_h, p->kernel_h, p->dilation_h);
    const mcu_taps x = mcu_clip_window(x0, p->in_w, p->kernel_w, p->dilation_w);
    const int32_t depth = p->in_ch / p->groups;
    const int32_t in_y = y0 + y.begin * p->dilation_h;
    const int32_t in_x = x0 + x.begin * p->dilation_w;
    const int joined = (p->dilation_w == 1) && (p->groups == 1);
    const int32_t cols = x.end - x.begin;
    const patch part = {
        .x = image + (in_y * p->in_w + in_x) * p->in_ch,
        .w = p->weights + (y.begin * p->kernel_w + x.begin) * depth,
        .rows = y.end - y.begin,
        .runs = joined ? 1 : cols,
        .length = joined ? cols * depth : depth,
        .x_down = p->dilation_h * p->in_w * p->in_ch,
        .x_right = p->dilation_w * p->in_ch,
        .w_down = p->kernel_w * depth,
        .w_right = depth,
    };
    return part;
}

/* acc[c] += x[i] * w[c * pitch + i] for each i. */
static void dot4(float acc[4], const float *x, const float *w, int32_t pitch, int32_t count) {
    const float *const w1 = w + pitch;
    const float *const w2 = w1 + pitch;
    const float *const w3 = w2 + pitch;
    float a0 = acc[0];
    float a1 = acc[1];
    float a2 = acc[2];
    float a3 = acc[3];
    for (int32_t i = 0; i < count; i++) {
        const float value = x[i];
        a0 += value * w[i];
        a1 += value * w1[i];
        a2 += value * w2[i];
        a3 += value * w3[i];
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static float dot1(float acc, const float *x, const float *w, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        acc += x[i] * w[i];
    }
    return acc;
}

/* The sums of `block` output channels, 4 or 1; `pitch` is the step between their weights. */
static void sum(float acc[4], int32_t block, const patch *part, const float *x, const float *w,
                int32_t pitch) {
    for (int32_t row = 0; row < part->rows; row++) {
        for (int32_t run = 0; run < part->runs; run++) {
            const float *const values = x + run * part->x_right;
            const float *const weights = w + run * part->w_right;
            if (block == 4) {
                dot4(acc, values, weights, pitch, part->length);
            } else {
                acc[0] = dot1(acc[0], values, weights, part->length);
            }
        }
        x += part->x_down;
        w += part->w_down;
    }
}

/* All channels of one output position. */
static void convolve(const mcu_conv2d_f32_params *p, const patch *part, float *output) {
    const int32_t depth = p->in_ch / p->groups;
    const int32_t per_group = p->out_ch / p->groups;
    const int32_t pitch = p->kernel_h * p->kernel_w * depth;
    int32_t block = 0;
    for (int32_t oc = 0; oc < p->out_ch; oc += block) {
        const int32_t group = oc / per_group;
        float acc[4] = {0.0F, 0.0F, 0.0F, 0.0F};
        block = ((group + 1) * per_group - oc >= 4) ? 4 : 1;
        sum(acc, block, part, part->x + group * depth, part->w + oc * pitch, pitch);
        for (int32_t c = 0; c < block; c++) {
            const float bias = (p->bias == NULL) ? 0.0F : p->bias[oc + c];
            output[oc + c] = mcu_clampf(acc[c] + bias, p->act_min, p->act_max);
        }
    }
}

void mcu_conv2d_f32_ref(const mcu_conv2d_f32_params *params, const float *input, float *output) {
    const mcu_conv2d_f32_params *const p = params;
    MCU_ASSERT(p->in_ch % p->groups == 0 && p->out_ch % p->groups == 0);

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
