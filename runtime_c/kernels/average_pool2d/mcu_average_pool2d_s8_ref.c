/* mcu_average_pool2d_s8_ref.c: mean over a sliding window on int8, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fixed.h"
#include "mcu_pool2d.h"
#include "mcu_port.h"
#include "mcu_window.h"

/* Sums of four neighbouring channels over rows x cols positions.
 * int32: 2^24 values of at most 2^7. */
static void sum4(int32_t acc[4], const int8_t *x, int32_t rows, int32_t cols, int32_t pitch,
                 int32_t channels) {
    int32_t a0 = 0;
    int32_t a1 = 0;
    int32_t a2 = 0;
    int32_t a3 = 0;
    for (; rows > 0; rows--) {
        for (int32_t n = cols; n > 0; n--) {
            a0 += x[0];
            a1 += x[1];
            a2 += x[2];
            a3 += x[3];
            x += channels;
        }
        x += pitch - cols * channels;
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static int32_t sum1(const int8_t *x, int32_t rows, int32_t cols, int32_t pitch, int32_t channels) {
    int32_t acc = 0;
    for (; rows > 0; rows--) {
        for (int32_t n = cols; n > 0; n--) {
            acc += *x;
            x += channels;
        }
        x += pitch - cols * channels;
    }
    return acc;
}

void mcu_average_pool2d_s8_ref(const mcu_pool2d_s8_params *params, const int8_t *input,
                               int8_t *output) {
    const mcu_pool2d_s8_params p = *params;
    const int32_t pitch = p.in_w * p.channels;

    for (int32_t row = 0; row < p.batch * p.out_h; row++) {
        const int8_t *const image = input + (row / p.out_h) * p.in_h * pitch;
        const int32_t y0 = (row % p.out_h) * p.stride_h - p.pad_top;
        const mcu_taps y = mcu_clip_window(y0, p.in_h, p.window_h, 1);
        const int32_t rows = y.end - y.begin;
        for (int32_t ox = 0; ox < p.out_w; ox++) {
            const int32_t x0 = ox * p.stride_w - p.pad_left;
            const mcu_taps x = mcu_clip_window(x0, p.in_w, p.window_w, 1);
            const int32_t cols = x.end - x.begin;
            const int32_t count = rows * cols;
            const int8_t *const window =
                image + (y0 + y.begin) * pitch + (x0 + x.begin) * p.channels;
            int32_t block = 0;
            MCU_ASSERT(count > 0);
            for (int32_t channel = 0; channel < p.channels; channel += block) {
                int32_t acc[4];
                block = (p.channels - channel >= 4) ? 4 : 1;
                if (block == 4) {
                    sum4(acc, window + channel, rows, cols, pitch, p.channels);
                } else {
                    acc[0] = sum1(window + channel, rows, cols, pitch, p.channels);
                }
                for (int32_t c = 0; c < block; c++) {
                    const int32_t half = (acc[c] > 0) ? count / 2 : -(count / 2);
                    const int32_t mean = (acc[c] + half) / count;
                    *output = (int8_t)mcu_clamp(mean, p.act_min, p.act_max);
                    output++;
                }
            }
        }
    }
}
