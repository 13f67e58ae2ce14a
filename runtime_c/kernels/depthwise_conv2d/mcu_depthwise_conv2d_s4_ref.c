/* mcu_depthwise_conv2d_s4_ref.c: depthwise convolution of int8 with int4 weights, plain C, any
 * core. SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_s4.h"

#include <stddef.h>

#include "mcu_fixed.h"
#include "mcu_int4.h"
#include "mcu_port.h"
#include "mcu_window.h"

void mcu_depthwise_conv2d_s4_ref(const mcu_depthwise_conv2d_s4_params *params, const int8_t *input,
                                 int8_t *output) {
    const mcu_depthwise_conv2d_s4_params *const p = params;
    const int32_t multiplier = p->out_ch / p->in_ch;
    MCU_ASSERT(p->out_ch == multiplier * p->in_ch);

    for (int32_t row = 0; row < p->batch * p->out_h; row++) {
        const int8_t *const image = input + (row / p->out_h) * p->in_h * p->in_w * p->in_ch;
        const int32_t y0 = (row % p->out_h) * p->stride_h - p->pad_top;
        const mcu_taps rows = mcu_clip_window(y0, p->in_h, p->kernel_h, p->dilation_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            const int32_t x0 = ox * p->stride_w - p->pad_left;
            const mcu_taps cols = mcu_clip_window(x0, p->in_w, p->kernel_w, p->dilation_w);
            for (int32_t c = 0; c < p->out_ch; c++) {
                /* int32: |sum| < 2^31 is checked for the actual weights at generation. */
                int32_t acc = (p->bias == NULL) ? 0 : p->bias[c];
                for (int32_t ky = rows.begin; ky < rows.end; ky++) {
                    const int32_t y = y0 + ky * p->dilation_h;
                    for (int32_t kx = cols.begin; kx < cols.end; kx++) {
                        const int32_t x = x0 + kx * p->dilation_w;
                        const int8_t value = image[(y * p->in_w + x) * p->in_ch + c / multiplier];
                        const int32_t position = (ky * p->kernel_w + kx) * p->out_ch + c;
                        acc += (value + p->input_offset) * mcu_int4(p->weights, position);
                    }
                }
                const int32_t scaled = mcu_scale(acc, p->multiplier[c], p->shift[c]);
                *output = (int8_t)mcu_clamp(scaled + p->output_offset, p->act_min, p->act_max);
                output++;
            }
        }
    }
}
