/* mcu_conv2d_packed_s8_ref.c: 2-D convolution on int8 with packed weights, any core.
 *
 * The windows of two pixels are copied to scratch, padding filled in, so that each is one row of
 * taps. Then two pixels and four output channels are computed together: a value of the input is
 * used four times, a weight twice (mcu_dot.h). Weights lie in the order of reading, four channels
 * of a tap side by side.
 *
 * The bias holds the input's zero point. Weights are stored plus 128, for which 128 times the sum
 * of the window is taken off.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_packed_s8_ref.h"

#include <stddef.h>
#include <string.h>

#include "mcu_dot.h"
#include "mcu_port.h"
#include "mcu_window.h"

/* Copies the window whose first tap is at row y, column x of an image; `to` holds kernel_h rows. */
static void copy_window(int8_t *to, const mcu_conv2d_packed_s8_params *p, const int8_t *image,
                        int32_t y, int32_t x) {
    const mcu_taps rows = mcu_clip_window(y, p->in_h, p->kernel_h, 1);
    const mcu_taps cols = mcu_clip_window(x, p->in_w, p->kernel_w, 1);
    const int32_t row_bytes = p->kernel_w * p->in_ch;
    const int32_t pitch = p->in_w * p->in_ch;
    const int8_t *from = image + (y + rows.begin) * pitch + (x + cols.begin) * p->in_ch;
    if (rows.begin > 0 || rows.end < p->kernel_h || cols.begin > 0 || cols.end < p->kernel_w) {
        (void)memset(to, p->input_zero_point, (size_t)(p->kernel_h * row_bytes));
        to += rows.begin * row_bytes + cols.begin * p->in_ch;
    }
    for (int32_t row = rows.begin; row < rows.end; row++, to += row_bytes, from += pitch) {
        (void)memcpy(to, from, (size_t)((cols.end - cols.begin) * p->in_ch));
    }
}

/* All channels of two pixels, or of one; `pitch` bytes from window to window. */
static void convolve(const mcu_conv2d_packed_s8_params *p, const int8_t *windows, int32_t pitch,
                     int32_t pixels, int8_t *output) {
    const int32_t taps = p->kernel_h * p->kernel_w * p->in_ch;
    const int32_t surplus0 = mcu_dot_surplus(windows, taps);
    const int32_t surplus1 = (pixels == MCU_DOT_ROWS) ? mcu_dot_surplus(windows + pitch, taps) : 0;
    const int32_t *constants = p->constants;
    const uint8_t *weights = p->weights;
    for (int32_t first = 0; first < p->out_ch; first += MCU_DOT_COLUMNS) {
        const int32_t *const bias = p->bias + first;
        const int32_t rest = p->out_ch - first;
        const int32_t channels = (rest < MCU_DOT_COLUMNS) ? rest : MCU_DOT_COLUMNS;
        int32_t acc[MCU_DOT_ROWS * MCU_DOT_COLUMNS];
        for (int32_t c = 0; c < MCU_DOT_COLUMNS; c++) {
            acc[c] = bias[c] - surplus0;
            acc[MCU_DOT_COLUMNS + c] = bias[c] - surplus1;
        }
        mcu_dot_rows(acc, windows, pitch, weights);
        weights += MCU_DOT_COLUMNS * pitch;
        mcu_finish_sums(&p->finish, constants, acc, channels, output + first);
        if (pixels == MCU_DOT_ROWS) {
            mcu_finish_sums(&p->finish, constants, acc + MCU_DOT_COLUMNS, channels,
                            output + p->out_ch + first);
        }
        constants += p->finish.step * MCU_DOT_COLUMNS;
    }
}

void mcu_conv2d_packed_s8_ref(const mcu_conv2d_packed_s8_params *params, const int8_t *input,
                              int8_t *output, void *scratch) {
    const mcu_conv2d_packed_s8_params *const p = params;
    int8_t *const windows = scratch;
    const int32_t pitch = (p->kernel_h * p->kernel_w * p->in_ch + 3) / 4 * 4;
    int32_t pixels = 0;
    MCU_ASSERT(pitch > 0);

    for (int32_t n = 0; n < p->batch; n++, input += p->in_h * p->in_w * p->in_ch) {
        for (int32_t y = 0; y < p->out_h; y++) {
            for (int32_t x = 0; x < p->out_w; x++) {
                copy_window(windows + pixels * pitch, p, input, y * p->stride_h - p->pad_top,
                            x * p->stride_w - p->pad_left);
                pixels++;
                if (pixels == MCU_DOT_ROWS) {
                    convolve(p, windows, pitch, pixels, output);
                    output += pixels * p->out_ch;
                    pixels = 0;
                }
            }
        }
    }
    if (pixels > 0) {
        convolve(p, windows, pitch, pixels, output);
    }
}
