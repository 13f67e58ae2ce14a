/* mcu_average_pool2d_f32_ref.c: mean over a sliding window on float32, plain C, any core.
 *
 * The sums of all channels grow in the output, so each tap is one run through memory.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_float.h"
#include "mcu_pool2d_f32.h"
#include "mcu_port.h"
#include "mcu_window.h"

static void add_to(float *sums, const float *x, int32_t channels) {
    for (int32_t c = 0; c < channels; c++) {
        sums[c] += x[c];
    }
}

void mcu_average_pool2d_f32_ref(const mcu_pool2d_f32_params *params, const float *input,
                                float *output) {
    const mcu_pool2d_f32_params *const p = params;

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const float *const image = input + (row / p->out_h) * p->in_h * p->in_w * p->channels;
        const int32_t y0 = (row % p->out_h) * p->stride_h - p->pad_top;
        const mcu_taps y = mcu_clip_window(y0, p->in_h, p->window_h, 1);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            const int32_t x0 = ox * p->stride_w - p->pad_left;
            const mcu_taps x = mcu_clip_window(x0, p->in_w, p->window_w, 1);
            const float count = (float)((y.end - y.begin) * (x.end - x.begin));
            MCU_ASSERT(count > 0.0F);
            for (int32_t c = 0; c < p->channels; c++) {
                output[c] = 0.0F;
            }
            for (int32_t in_y = y0 + y.begin; in_y < y0 + y.end; in_y++) {
                for (int32_t in_x = x0 + x.begin; in_x < x0 + x.end; in_x++) {
                    add_to(output, image + (in_y * p->in_w + in_x) * p->channels, p->channels);
                }
            }
            for (int32_t c = 0; c < p->channels; c++) {
                output[c] = mcu_clampf(output[c] / count, p->act_min, p->act_max);
            }
            output += p->channels;
        }
    }
}
