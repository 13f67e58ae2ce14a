/* mcu_average_pool2d_s8_dsp.c: mean over a sliding window on int8, eight channels at a time.
 *
 * SXTAB16 adds bytes 0 and 2 of a word to two sums of 16 bits, or bytes 1 and 3: a window of at
 * most 256 values keeps them above -2^15 - 1. SPDX-License-Identifier: MIT-0 */
#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_pool2d.h"
#include "mcu_port.h"
#include "mcu_window.h"

#include <stdbool.h>

enum { BLOCK = 8 };

/* Sums of bytes 0 and 2 of two words, then of bytes 1 and 3. */
typedef struct {
    int32_t even, odd, even2, odd2;
} lanes;

static inline void add8(lanes *sums, int32_t word, int32_t word2) {
    sums->even = mcu_sxtab16(sums->even, word);
    sums->odd = mcu_sxtab16_odd(sums->odd, word);
    sums->even2 = mcu_sxtab16(sums->even2, word2);
    sums->odd2 = mcu_sxtab16_odd(sums->odd2, word2);
}

/* Sums of eight neighbouring channels over rows x cols positions. Two positions at a time take 24
 * cycles on a Cortex-M4. */
static void sum8(int32_t sums[BLOCK], const int8_t *x, int32_t rows, int32_t cols, int32_t pitch,
                 int32_t channels) {
    lanes all = {0, 0, 0, 0};
    for (; rows > 0; rows--) {
        int32_t n = cols;
        for (; n >= 2; n -= 2) {
            const int32_t low = mcu_load4(x);
            const int32_t high = mcu_load4(x + 4);
            x += channels;
            const int32_t next_low = mcu_load4(x);
            const int32_t next_high = mcu_load4(x + 4);
            x += channels;
            add8(&all, low, high);
            add8(&all, next_low, next_high);
        }
        if (n > 0) {
            add8(&all, mcu_load4(x), mcu_load4(x + 4));
            x += channels;
        }
        x += pitch - cols * channels;
    }
    for (uint32_t lane = 0; lane < 2; lane++) {
        sums[2 * lane] = mcu_lane(all.even, lane);
        sums[2 * lane + 1] = mcu_lane(all.odd, lane);
        sums[2 * lane + 4] = mcu_lane(all.even2, lane);
        sums[2 * lane + 5] = mcu_lane(all.odd2, lane);
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
            const bool whole = cols == p.in_w; /* rows follow each other */
            MCU_ASSERT(count > 0);
            for (int32_t channel = 0; channel < p.channels; channel += BLOCK) {
                int32_t sums[BLOCK];
                sum8(sums, window + channel, whole ? 1 : rows, whole ? count : cols, pitch,
                     p.channels);
                for (int32_t c = 0; c < BLOCK; c++, output++) {
                    const int32_t half = (sums[c] > 0) ? count / 2 : -(count / 2);
                    *output = (int8_t)mcu_clamp((sums[c] + half) / count, p.act_min, p.act_max);
                }
            }
        }
    }
}
