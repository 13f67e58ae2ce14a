/* mcu_average_pool2d_s8_dsp.c: mean over a sliding window on int8, eight channels at a time.
 *
 * SXTAB16 adds bytes 0 and 2 of a word to two sums of 16 bits, or bytes 1 and 3: a window of at
 * most 256 values keeps them above -2^15 - 1. SPDX-License-Identifier: MIT-0 */
#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_pool2d.h"
#include "mcu_port.h"
#include "mcu_window.h"

enum { BLOCK = 8 };

/* Sums of eight neighbouring channels over rows x cols positions. */
static void sum8(int32_t sums[BLOCK], const int8_t *x, int32_t rows, int32_t cols, int32_t pitch,
                 int32_t channels) {
    int32_t sums02 = 0;
    int32_t sums13 = 0;
    int32_t sums46 = 0;
    int32_t sums57 = 0;
    for (; rows > 0; rows--) {
        for (int32_t n = cols; n > 0; n--) {
            const int32_t low = mcu_load4(x);
            const int32_t high = mcu_load4(x + 4);
            x += channels;
            sums02 = mcu_sxtab16(sums02, low);
            sums13 = mcu_sxtab16_odd(sums13, low);
            sums46 = mcu_sxtab16(sums46, high);
            sums57 = mcu_sxtab16_odd(sums57, high);
        }
        x += pitch - cols * channels;
    }
    for (uint32_t lane = 0; lane < 2; lane++) {
        sums[2 * lane] = mcu_lane(sums02, lane);
        sums[2 * lane + 1] = mcu_lane(sums13, lane);
        sums[2 * lane + 4] = mcu_lane(sums46, lane);
        sums[2 * lane + 5] = mcu_lane(sums57, lane);
    }
}

void mcu_average_pool2d_s8_dsp(const mcu_pool2d_s8_params *params, const int8_t *input,
                               int8_t *output) {
    const mcu_pool2d_s8_params p = *params;
    const int32_t pitch = p.in_w * p.channels;
    MCU_ASSERT(p.channels % BLOCK == 0);

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
            MCU_ASSERT(count > 0);
            for (int32_t channel = 0; channel < p.channels; channel += BLOCK) {
                int32_t sums[BLOCK];
                sum8(sums, window + channel, rows, cols, pitch, p.channels);
                for (int32_t c = 0; c < BLOCK; c++, output++) {
                    const int32_t half = (sums[c] > 0) ? count / 2 : -(count / 2);
                    *output = (int8_t)mcu_clamp((sums[c] + half) / count, p.act_min, p.act_max);
                }
            }
        }
    }
}
