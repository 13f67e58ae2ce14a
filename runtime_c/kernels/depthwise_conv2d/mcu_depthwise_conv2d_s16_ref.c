/* mcu_depthwise_conv2d_s16_ref.c: depthwise convolution of int16 with int8 weights, plain C, any
 * core. SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_s16.h"

#include <stddef.h>

#include "mcu_port.h"
#include "mcu_sums_s16.h"
#include "mcu_window.h"

void mcu_depthwise_conv2d_s16_ref(const mcu_depthwise_conv2d_s16_params *params,
                                  const int16_t *input, int16_t *output) {
    const mcu_depthwise_conv2d_s16_params *const p = params;
    const int32_t multiplier = p->out_ch / p->in_ch;
    MCU_ASSERT(p->out_ch == multiplier * p->in_ch);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const int16_t *const image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        const int32_t y0 = (row % p->out_h) * p->stride_h - p->pad_top;
        const mcu_taps rows = mcu_clip_window(y0, p->in_h, p->kernel_h, p->dilation_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            const int32_t x0 = ox * p->stride_w - p->pad_left;
            const mcu_taps cols = mcu_clip_window(x0, p->in_w, p->kernel_w, p->dilation_w);
            for (int32_t c = 0; c < p->out_ch; c++) {
                int64_t sum = (p->bias == NULL) ? 0 : p->bias[c];
                for (int32_t ky = rows.begin; ky < rows.end; ky++) {
                    const int32_t y = y0 + ky * p->dilation_h;
                    const int32_t x = x0 + cols.begin * p->dilation_w;
                    sum += mcu_dot_steps_s16(image + (y * p->in_w + x) * p->in_ch + c / multiplier,
                                             p->dilation_w * p->in_ch,
                                             p->weights +
                                                 (ky * p->kernel_w + cols.begin) * p->out_ch + c,
                                             p->out_ch, cols.end - cols.begin);
                }
                *output = mcu_finish_s16(sum, p->wide, p->multiplier[c], p->shift[c], p->act_min,
                                         p->act_max);
                output++;
            }
        }
    }
}
