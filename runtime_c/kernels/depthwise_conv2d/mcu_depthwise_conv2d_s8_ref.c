/* mcu_depthwise_conv2d_s8_ref.c: depthwise 2-D convolution on int8, plain C, any core.
 *
 * The bias holds the input's zero point, so a tap is a bare multiply-accumulate. A window at the
 * border is cut into rectangles; those in the padding read the zero point, all from the same place.
 * Where each input channel has one output channel, four neighbours are computed at a time.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d.h"

#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_window.h"

/* Part of a window. The steps are those between input values; in the padding they are 0. */
typedef struct {
    const int8_t *x; /* of its first tap, channel 0 */
    const int8_t *w;
    int32_t rows;
    int32_t cols;
    int32_t down;  /* step to the tap below */
    int32_t right; /* step to the tap on the right */
    int32_t next;  /* step to the next channel */
} rectangle;

enum { MAX_PARTS = 5 }; /* the input, and padding on its four sides */

/* Append the taps of rows y and columns x, as padding, unless there are none. The new count. */
static int32_t append(rectangle parts[MAX_PARTS], int32_t count,
                      const mcu_depthwise_conv2d_s8_params *p, const int8_t *zero_points,
                      mcu_taps y, mcu_taps x) {
    if (y.begin < y.end && x.begin < x.end) {
        const int8_t *const w = p->weights + (y.begin * p->kernel_w + x.begin) * p->out_ch;
        const rectangle r = {zero_points, w, y.end - y.begin, x.end - x.begin, 0, 0, 0};
        parts[count] = r;
        count++;
    }
    return count;
}

/* Cut the window whose first tap is at row y0, column x0 of an image. The number of parts; each has
 * at least one tap. */
static int32_t cut(rectangle parts[MAX_PARTS], const mcu_depthwise_conv2d_s8_params *p,
                   const int8_t *image, const int8_t *zero_points, int32_t y0, int32_t x0) {
    const mcu_taps y = mcu_clip_window(y0, p->in_h, p->kernel_h, p->dilation_h);
    const mcu_taps x = mcu_clip_window(x0, p->in_w, p->kernel_w, p->dilation_w);
    const mcu_taps row = {0, p->kernel_w};
    const mcu_taps above = {0, y.begin};
    const mcu_taps below = {y.end, p->kernel_h};
    const mcu_taps left = {0, x.begin};
    const mcu_taps right = {x.end, p->kernel_w};
    int32_t count = append(parts, 0, p, zero_points, y, x);
    if (count > 0) {
        rectangle *const r = &parts[0];
        r->down = p->dilation_h * p->in_w * p->in_ch;
        r->right = p->dilation_w * p->in_ch;
        r->next = 1;
        r->x = image + (y0 * p->in_w + x0) * p->in_ch + y.begin * r->down + x.begin * r->right;
        if (r->rows == p->kernel_h && r->cols == p->kernel_w) {
            return count;
        }
    }
    count = append(parts, count, p, zero_points, above, row);
    count = append(parts, count, p, zero_points, below, row);
    count = append(parts, count, p, zero_points, y, left);
    return append(parts, count, p, zero_points, y, right);
}

/* acc[c] += sum over the rectangle of x[c] * w[c], from `channel` on.
 * int32: |sum| < 2^31 is checked for the actual weights when the project is generated. */
static void dot4(int32_t acc[4], const rectangle *r, const mcu_depthwise_conv2d_s8_params *p,
                 int32_t channel) {
    const int32_t pitch = p->out_ch;
    const int32_t right = r->right;
    const int32_t cols = r->cols;
    const int32_t x_skip = r->down - cols * right;
    const int32_t w_skip = (p->kernel_w - cols) * pitch;
    const int8_t *x = r->x + channel * r->next;
    const int8_t *w = r->w + channel;
    int32_t a0 = acc[0];
    int32_t a1 = acc[1];
    int32_t a2 = acc[2];
    int32_t a3 = acc[3];
    for (int32_t y = r->rows; y != 0; y--) {
        for (int32_t n = cols; n != 0; n--) {
            a0 += x[0] * w[0];
            a1 += x[1] * w[1];
            a2 += x[2] * w[2];
            a3 += x[3] * w[3];
            x += right;
            w += pitch;
        }
        x += x_skip;
        w += w_skip;
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static int32_t dot1(int32_t acc, const rectangle *r, const mcu_depthwise_conv2d_s8_params *p,
                    int32_t in_channel, int32_t channel) {
    const int8_t *row = r->x + in_channel * r->next;
    const int8_t *w = r->w + channel;
    for (int32_t y = r->rows; y > 0; y--) {
        const int8_t *x = row;
        for (int32_t n = r->cols; n > 0; n--) {
            acc += *x * *w;
            x += r->right;
            w += p->out_ch;
        }
        row += r->down;
        w += (p->kernel_w - r->cols) * p->out_ch;
    }
    return acc;
}

/* Requantize `count` sums of neighbouring channels. */
static void finish(const int32_t *acc, int32_t count, const mcu_depthwise_conv2d_s8_params *p,
                   int32_t channel, int8_t *output) {
    const int32_t *const multiplier = p->multiplier + channel;
    const int8_t *const shift = p->shift + channel;
    const int32_t offset = p->output_offset;
    const int32_t low = p->act_min;
    const int32_t high = p->act_max;
    for (int32_t c = 0; c < count; c++) {
        const int32_t scaled = mcu_scale(acc[c], multiplier[c], shift[c]);
        output[c] = (int8_t)mcu_clamp(scaled + offset, low, high);
    }
}

/* All channels of one output position. */
static void convolve(const mcu_depthwise_conv2d_s8_params *p, const rectangle *parts, int32_t count,
                     int32_t multiplier, int8_t *output) {
    int32_t channel = 0;
    for (; multiplier == 1 && channel + 4 <= p->out_ch; channel += 4) {
        const int32_t *const bias = p->bias + channel;
        int32_t acc[4] = {bias[0], bias[1], bias[2], bias[3]};
        for (int32_t i = 0; i < count; i++) {
            dot4(acc, &parts[i], p, channel);
        }
        finish(acc, 4, p, channel, output + channel);
    }
    for (; channel < p->out_ch; channel++) {
        int32_t acc = p->bias[channel];
        for (int32_t i = 0; i < count; i++) {
            acc = dot1(acc, &parts[i], p, channel / multiplier, channel);
        }
        finish(&acc, 1, p, channel, output + channel);
    }
}

void mcu_depthwise_conv2d_s8_ref(const mcu_depthwise_conv2d_s8_params *params, const int8_t *input,
                                 int8_t *output) {
    const mcu_depthwise_conv2d_s8_params *const p = params;
    const int32_t multiplier = p->out_ch / p->in_ch;
    const int8_t zero_point = (int8_t)p->input_zero_point;
    const int8_t zero_points[4] = {zero_point, zero_point, zero_point, zero_point};
    MCU_ASSERT(p->out_ch == multiplier * p->in_ch);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const int8_t *const image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        const int32_t y0 = (row % p->out_h) * p->stride_h - p->pad_top;
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            rectangle parts[MAX_PARTS];
            const int32_t x0 = ox * p->stride_w - p->pad_left;
            const int32_t count = cut(parts, p, image, zero_points, y0, x0);
            convolve(p, parts, count, multiplier, output);
            output += p->out_ch;
        }
    }
}
