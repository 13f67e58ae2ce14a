/* mcu_depthwise_conv2d_packed_s8_ref.c: depthwise convolution on int8 with packed weights, any
 * core.
 *
 * Four neighbouring channels are computed together; their weights lie side by side, in the order of
 * reading. A window at the border is first copied to scratch, padding filled in, so that there is
 * one way through all windows. The bias holds the input's zero point.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_packed_s8_ref.h"

#include <string.h>

#include "mcu_port.h"
#include "mcu_window.h"

enum { CHANNELS = 4 };

/* A window: its first tap, and the bytes from the end of a row to the next one. */
typedef struct {
    const int8_t *x;
    int32_t skip;
    int32_t rows;
    int32_t cols;
    int32_t channels;
} window;

/* acc[c] += x[c] * w[c] over all taps. int32: |sum| < 2^31 is checked for the actual weights when
 * the project is generated. */
static void dot4(int32_t acc[CHANNELS], const window *at, const int8_t *x, const int8_t *w) {
    const int32_t channels = at->channels;
    int32_t a0 = acc[0];
    int32_t a1 = acc[1];
    int32_t a2 = acc[2];
    int32_t a3 = acc[3];
    for (int32_t row = at->rows; row > 0; row--, x += at->skip) {
        const int8_t *const end = x + at->cols * channels;
        for (; x != end; x += channels, w += CHANNELS) {
            a0 += x[0] * w[0];
            a1 += x[1] * w[1];
            a2 += x[2] * w[2];
            a3 += x[3] * w[3];
        }
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static int32_t dot1(int32_t acc, const window *at, const int8_t *x, const int8_t *w) {
    for (int32_t row = at->rows; row > 0; row--, x += at->skip) {
        for (int32_t col = at->cols; col > 0; col--, x += at->channels, w++) {
            acc += *x * *w;
        }
    }
    return acc;
}

/* All channels of one output position. */
static void convolve(const mcu_depthwise_conv2d_packed_s8_params *p, const window *at,
                     int8_t *output) {
    const int32_t taps = at->rows * at->cols;
    const int8_t *weights = p->weights;
    const int32_t *constants = p->constants;
    int32_t channel = 0;
    for (; channel + CHANNELS <= at->channels; channel += CHANNELS) {
        const int32_t *const bias = p->bias + channel;
        int32_t acc[CHANNELS] = {bias[0], bias[1], bias[2], bias[3]};
        dot4(acc, at, at->x + channel, weights);
        mcu_finish_sums(&p->finish, constants, acc, CHANNELS, output + channel);
        weights += CHANNELS * taps;
        constants += CHANNELS * p->finish.step;
    }
    for (; channel < at->channels; channel++) {
        const int32_t acc = dot1(p->bias[channel], at, at->x + channel, weights);
        mcu_finish_sums(&p->finish, constants, &acc, 1, output + channel);
        weights += taps;
        constants += p->finish.step;
    }
}

void mcu_depthwise_conv2d_packed_s8_ref(const mcu_depthwise_conv2d_packed_s8_params *params,
                                        const int8_t *input, int8_t *output, void *scratch) {
    const mcu_depthwise_conv2d_packed_s8_params *const p = params;
    const int32_t pitch = p->in_w * p->channels;
    const int32_t row_bytes = p->kernel_w * p->channels;

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const int8_t *const image = input + (row / p->out_h) * p->in_h * pitch;
        const int32_t y0 = (row % p->out_h) * p->stride_h - p->pad_top;
        const mcu_taps y = mcu_clip_window(y0, p->in_h, p->kernel_h, 1);
        for (int32_t ox = 0; ox < p->out_w; ox++, output += p->channels) {
            const int32_t x0 = ox * p->stride_w - p->pad_left;
            const mcu_taps x = mcu_clip_window(x0, p->in_w, p->kernel_w, 1);
            window at = {scratch, 0, p->kernel_h, p->kernel_w, p->channels};
            if (y.begin > 0 || y.end < p->kernel_h || x.begin > 0 || x.end < p->kernel_w) {
                const size_t bytes = (size_t)((x.end - x.begin) * p->channels);
                const int8_t *from = image + (y0 + y.begin) * pitch + (x0 + x.begin) * p->channels;
                int8_t *to = (int8_t *)scratch + y.begin * row_bytes + x.begin * p->channels;
                (void)memset(scratch, p->input_zero_point, (size_t)(p->kernel_h * row_bytes));
                for (int32_t i = y.begin; i < y.end; i++, to += row_bytes, from += pitch) {
                    (void)memcpy(to, from, bytes);
                }
            } else {
                at.x = image + y0 * pitch + x0 * p->channels;
                at.skip = pitch - row_bytes;
            }
            convolve(p, &at, output);
        }
    }
}
