/* mcu_conv2d_s8_ref.c: 2-D convolution on int8, plain C, any core.
 *
 * For each output position the window is clipped to the input, so padding costs nothing. Where the
 * taps of a window row lie side by side in memory (no dilation, one group) the row is one run.
 * Four output channels share each input load.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d.h"

#include <stddef.h>

#include "mcu_fixed.h"
#include "mcu_port.h"

/* The part of a window that lies on the input: taps [begin, end) of one axis. */
typedef struct {
    int32_t begin;
    int32_t end;
} taps;

static taps clip(int32_t origin, int32_t size, int32_t kernel, int32_t dilation) {
    taps t = {0, 0};
    if (origin < 0) {
        t.begin = (-origin + dilation - 1) / dilation;
    }
    while (t.begin + t.end < kernel && origin + (t.begin + t.end) * dilation < size) {
        t.end++;
    }
    t.end += t.begin;
    return t;
}

/* acc[c] += sum of (x[i] + offset) * w[c * pitch + i].
 * int32: |sum| < 2^31 is checked for the actual weights when the project is generated. */
static void dot4(int32_t acc[4], const int8_t *x, const int8_t *w, int32_t pitch, int32_t count,
                 int32_t offset) {
    const int8_t *const w1 = w + pitch;
    const int8_t *const w2 = w1 + pitch;
    const int8_t *const w3 = w2 + pitch;
    int32_t a0 = acc[0];
    int32_t a1 = acc[1];
    int32_t a2 = acc[2];
    int32_t a3 = acc[3];
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = x[i] + offset;
        a0 += value * w[i];
        a1 += value * w1[i];
        a2 += value * w2[i];
        a3 += value * w3[i];
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static int32_t dot1(int32_t acc, const int8_t *x, const int8_t *w, int32_t count, int32_t offset) {
    for (int32_t i = 0; i < count; i++) {
        acc += (x[i] + offset) * w[i];
    }
    return acc;
}

void mcu_conv2d_s8_ref(const mcu_conv2d_s8_params *params, const int8_t *input, int8_t *output) {
    const mcu_conv2d_s8_params p = *params;
    const int32_t depth = p.in_ch / p.groups;
    const int32_t per_group = p.out_ch / p.groups;
    const int32_t pitch = p.kernel_h * p.kernel_w * depth;
    const int joined = (p.dilation_w == 1) && (p.groups == 1);
    MCU_ASSERT(p.in_ch % p.groups == 0 && p.out_ch % p.groups == 0);

    for (int32_t row = 0; row < p.batch * p.out_h; row++) {
        const int8_t *const image = input + (row / p.out_h) * p.in_h * p.in_w * p.in_ch;
        const int32_t y0 = (row % p.out_h) * p.stride_h - p.pad_top;
        const taps ky = clip(y0, p.in_h, p.kernel_h, p.dilation_h);
        for (int32_t ox = 0; ox < p.out_w; ox++) {
            const int32_t x0 = ox * p.stride_w - p.pad_left;
            const taps kx = clip(x0, p.in_w, p.kernel_w, p.dilation_w);
            const int32_t runs = joined ? 1 : kx.end - kx.begin;
            const int32_t length = joined ? (kx.end - kx.begin) * depth : depth;
            int32_t block = 0;
            for (int32_t oc = 0; oc < p.out_ch; oc += block) {
                const int32_t group = oc / per_group;
                block = ((group + 1) * per_group - oc >= 4) ? 4 : 1;
                int32_t acc[4] = {0, 0, 0, 0};
                for (int32_t c = 0; c < block && p.bias != NULL; c++) {
                    acc[c] = p.bias[oc + c];
                }
                for (int32_t y = ky.begin; y < ky.end; y++) {
                    const int32_t in_row = (y0 + y * p.dilation_h) * p.in_w;
                    for (int32_t r = 0; r < runs; r++) {
                        const int32_t x = kx.begin + r;
                        const int8_t *const source =
                            image + (in_row + x0 + x * p.dilation_w) * p.in_ch + group * depth;
                        const int8_t *const weights =
                            p.weights + oc * pitch + (y * p.kernel_w + x) * depth;
                        if (block == 4) {
                            dot4(acc, source, weights, pitch, length, p.input_offset);
                        } else {
                            acc[0] = dot1(acc[0], source, weights, length, p.input_offset);
                        }
                    }
                }
                for (int32_t c = 0; c < block; c++) {
                    const int32_t scaled = mcu_scale(acc[c], p.multiplier[oc + c], p.shift[oc + c]);
                    *output = (int8_t)mcu_clamp(scaled + p.output_offset, p.act_min, p.act_max);
                    output++;
                }
            }
        }
    }
}
