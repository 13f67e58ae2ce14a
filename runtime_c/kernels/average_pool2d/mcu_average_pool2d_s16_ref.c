/* mcu_average_pool2d_s16_ref.c: mean over a sliding window on int16, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fixed.h"
#include "mcu_pool2d_s16.h"
#include "mcu_port.h"
#include "mcu_window.h"

/* The mean of one channel over rows x cols positions, halves away from zero.
 * int32: at most 2^15 values of at most 2^15. */
static int32_t mean(const int16_t *x, int32_t rows, int32_t cols, int32_t pitch, int32_t channels) {
    const int32_t count = rows * cols;
    int32_t sum = 0;
    for (; rows > 0; rows--) {
        for (int32_t i = 0; i < cols; i++) {
            sum += x[i * channels];
        }
        x += pitch;
    }
    return (sum + ((sum > 0) ? count / 2 : -(count / 2))) / count;
}

void mcu_average_pool2d_s16_ref(const mcu_pool2d_s16_params *params, const int16_t *input,
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
            MCU_ASSERT(y.end > y.begin && x.end > x.begin);
            for (int32_t channel = 0; channel < p.channels; channel++) {
                const int32_t value =
                    mean(window + channel, y.end - y.begin, x.end - x.begin, pitch, p.channels);
                *output = (int16_t)mcu_clamp(value, p.act_min, p.act_max);
                output++;
            }
        }
    }
}
