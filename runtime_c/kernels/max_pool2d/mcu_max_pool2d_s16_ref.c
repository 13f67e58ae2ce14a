/* mcu_max_pool2d_s16_ref.c: maximum over a sliding window on int16, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_pool2d_s16.h"
#include "mcu_port.h"
#include "mcu_window.h"

static int32_t larger(int32_t a, int32_t b) { return (a > b) ? a : b; }

/* The largest values, and no less than `low`, of four neighbouring channels over rows x cols
 * positions. */
static void max4(int32_t top[4], const int16_t *x, int32_t rows, int32_t cols, int32_t pitch,
                 int32_t channels, int32_t low) {
    int32_t m0 = low;
    int32_t m1 = low;
    int32_t m2 = low;
    int32_t m3 = low;
    for (; rows > 0; rows--) {
        for (int32_t n = cols; n > 0; n--) {
            m0 = larger(m0, x[0]);
            m1 = larger(m1, x[1]);
            m2 = larger(m2, x[2]);
            m3 = larger(m3, x[3]);
            x += channels;
        }
        x += pitch - cols * channels;
    }
    top[0] = m0;
    top[1] = m1;
    top[2] = m2;
    top[3] = m3;
}

static int32_t max1(const int16_t *x, int32_t rows, int32_t cols, int32_t pitch, int32_t channels,
                    int32_t low) {
    for (; rows > 0; rows--) {
        for (int32_t n = cols; n > 0; n--) {
            low = larger(low, *x);
            x += channels;
        }
        x += pitch - cols * channels;
    }
    return low;
}

void mcu_max_pool2d_s16_ref(const mcu_pool2d_s16_params *params, const int16_t *input,
                            int16_t *output) {
    const mcu_pool2d_s16_params p = *params;
    const int32_t pitch = p.in_w * p.channels;

    for (int32_t row = 0; row < p.batch * p.out_h; row++) {
        const int16_t *const image = input + (row / p.out_h) * p.in_h * pitch;
        const int32_t y0 = (row % p.out_h) * p.stride_h - p.pad_top;
        const mcu_taps y = mcu_clip_window(y0, p.in_h, p.window_h, 1);
        for (int32_t ox = 0; ox < p.out_w; ox++) {
            const int32_t x0 = ox * p.stride_w - p.pad_left;
            const mcu_taps x = mcu_clip_window(x0, p.in_w, p.window_w, 1);
            const int16_t *const window =
                image + (y0 + y.begin) * pitch + (x0 + x.begin) * p.channels;
            const int32_t rows = y.end - y.begin;
            const int32_t cols = x.end - x.begin;
            int32_t block = 0;
            MCU_ASSERT(rows > 0 && cols > 0);
            for (int32_t channel = 0; channel < p.channels; channel += block) {
                int32_t top[4];
                block = (p.channels - channel >= 4) ? 4 : 1;
                if (block == 4) {
                    max4(top, window + channel, rows, cols, pitch, p.channels, p.act_min);
                } else {
                    top[0] = max1(window + channel, rows, cols, pitch, p.channels, p.act_min);
                }
                for (int32_t c = 0; c < block; c++) {
                    *output = (int16_t)((top[c] > p.act_max) ? p.act_max : top[c]);
                    output++;
                }
            }
        }
    }
}
