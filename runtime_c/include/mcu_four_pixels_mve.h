/* mcu_four_pixels_mve.h: convolution for cores with Helium, four pixels at a time.
 *
 * The windows of four pixels lie in scratch, a vector of each in turn, padding filled in; a window
 * is kernel_h * kernel_w pixels, rounded up to whole vectors. A core multiplies them with all
 * output channels, two at a time. int8 and int16 share this: an input pixel is
 * in_ch values, or `in_bytes`.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_FOUR_PIXELS_MVE_H
#define MCU_FOUR_PIXELS_MVE_H

#include <stdint.h>

#include "mcu_conv2d_mve.h"
#include "mcu_fixed.h"
#include "mcu_mve.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MCU_PIXELS = 4,
    MCU_CHANNELS = 2,
    MCU_VECTOR = 16,    /* bytes */
    MCU_UNROLL = 8,     /* steps of a core's loop: a vector of each window, and its weights */
    MCU_STEP_BYTES = 56 /* of code */
};

/// What a core needs for four pixels. The cores know the order.
typedef struct {
    const int32_t *stream;
    void *output;        ///< of the first pixel
    const void *windows; ///< a vector of each pixel in turn
    int32_t skip;        ///< bytes of unrolled code to skip in the first round
    const void *windows_end;
    const uint16_t *places; ///< of the outputs: channel A, B of pixel 0, of pixel 1, ...
    int32_t zero_point;     ///< of the output
    int32_t clamped;        ///< 1: the output is never below its zero point, else 0
} mcu_core_args;

/// What the convolutions of int8 and of int16 differ in.
typedef struct {
    void (*core)(const mcu_core_args *args); ///< multiplies four windows with all channels
    int32_t bytes;                           ///< of a value, input and output
    int32_t step_words;                      ///< of the stream: weights of two channels
    int32_t finish_words;                    ///< of the stream: what follows them
} mcu_four_pixels;

/// An output pixel.
typedef struct {
    const int8_t *image; ///< of the batch
    int32_t row;
    int32_t column;
} mcu_position;

static inline void mcu_advance(mcu_position *at, const mcu_conv2d_mve_params *p, int32_t in_bytes) {
    at->column++;
    if (at->column == p->out_w) {
        at->column = 0;
        at->row++;
        if (at->row == p->out_h) {
            at->row = 0;
            at->image += p->in_h * p->in_w * in_bytes;
        }
    }
}

/// Copies rows of vectors, `pitch` bytes apart; the target's are those of one pixel among four.
static inline void mcu_spread(int8_t *to, const int8_t *from, int32_t vectors, int32_t rows,
                              int32_t pitch) {
    for (; rows > 0; rows--, from += pitch) {
        const int8_t *x = from;
        for (int32_t i = vectors; i > 0; i--, x += MCU_VECTOR, to += MCU_PIXELS * MCU_VECTOR) {
            vstrbq_s8(to, vldrbq_s8(x));
        }
    }
}

/// A stretch of one axis of a window: taps [begin, end) lie on the input.
typedef struct {
    int32_t begin;
    int32_t end;
} mcu_stretch;

static inline mcu_stretch mcu_clip_stretch(int32_t origin, int32_t kernel, int32_t size) {
    const int32_t begin = mcu_clamp(-origin, 0, kernel);
    const mcu_stretch taps = {begin, mcu_clamp(size - origin, begin, kernel)};
    return taps;
}

/// Puts the window of an output pixel at `to`; `window` has room for it.
static inline void mcu_fill_window(int8_t *to, int8_t *window, const mcu_position *at,
                                   const mcu_conv2d_mve_params *p, int32_t in_bytes) {
    const int32_t y = at->row * p->stride_h - p->pad_top;
    const int32_t x = at->column * p->stride_w - p->pad_left;
    const int32_t length = p->kernel_w * in_bytes;
    const int32_t pitch = p->in_w * in_bytes;
    const int inside = y >= 0 && x >= 0 && y + p->kernel_h <= p->in_h && x + p->kernel_w <= p->in_w;
    if (inside && length % MCU_VECTOR == 0) {
        const int8_t *const from = at->image + y * pitch + x * in_bytes;
        mcu_spread(to, from, length / MCU_VECTOR, p->kernel_h, pitch);
        return;
    }
    mcu_stretch rows = {0, p->kernel_h};
    mcu_stretch columns = {0, p->kernel_w};
    if (!inside) {
        rows = mcu_clip_stretch(y, p->kernel_h, p->in_h);
        columns = mcu_clip_stretch(x, p->kernel_w, p->in_w);
        mcu_fill_vectors(window, p->input_zero_point, p->kernel_h * length);
    }
    const int32_t count = (columns.end - columns.begin) * in_bytes;
    const int8_t *from = at->image + (y + rows.begin) * pitch + (x + columns.begin) * in_bytes;
    int8_t *row = window + rows.begin * length + columns.begin * in_bytes;
    for (int32_t i = rows.begin; i < rows.end; i++, from += pitch, row += length) {
        mcu_copy_vectors(row, from, count);
    }
    mcu_spread(to, window, (p->kernel_h * length + MCU_VECTOR - 1) / MCU_VECTOR, 1, 0);
}

/// Puts the windows of `count` pixels side by side; the last one is there until there are four.
static inline void mcu_fill_windows(int8_t *to, int8_t *window, mcu_position *at, int32_t count,
                                    const mcu_conv2d_mve_params *p, int32_t in_bytes) {
    for (int32_t i = 0; i < MCU_PIXELS; i++) {
        mcu_fill_window(to + MCU_VECTOR * i, window, at, p, in_bytes);
        if (i < count - 1 || i == MCU_PIXELS - 1) {
            mcu_advance(at, p, in_bytes);
        }
    }
}

/// The same for a 1x1 kernel: the windows lie side by side in the input too.
static inline void mcu_fill_pointwise(int8_t *to, const int8_t *from, int32_t in_bytes,
                                      int32_t count) {
    const int8_t *x0 = from;
    const int8_t *x1 = x0 + ((count > 1) ? in_bytes : 0);
    const int8_t *x2 = x1 + ((count > 2) ? in_bytes : 0);
    const int8_t *x3 = x2 + ((count > 3) ? in_bytes : 0);
    const int32_t rest = in_bytes & (MCU_VECTOR - 1);
    const int32_t whole = in_bytes - rest;
    if (rest != 0) { /* first, so that the loop need not keep the pointers for it */
        const mve_pred16_t there = vctp8q((uint32_t)rest);
        int8_t *const last = to + MCU_PIXELS * whole;
        vstrbq_p_s8(last, vldrbq_z_s8(x0 + whole, there), there);
        vstrbq_p_s8(last + MCU_VECTOR, vldrbq_z_s8(x1 + whole, there), there);
        vstrbq_p_s8(last + 2 * MCU_VECTOR, vldrbq_z_s8(x2 + whole, there), there);
        vstrbq_p_s8(last + 3 * MCU_VECTOR, vldrbq_z_s8(x3 + whole, there), there);
    }
    for (uint32_t i = (uint32_t)whole / MCU_VECTOR; i > 0; i--, to += MCU_PIXELS * MCU_VECTOR) {
        vstrbq_s8(to, vldrbq_s8(x0));
        vstrbq_s8(to + MCU_VECTOR, vldrbq_s8(x1));
        vstrbq_s8(to + 2 * MCU_VECTOR, vldrbq_s8(x2));
        vstrbq_s8(to + 3 * MCU_VECTOR, vldrbq_s8(x3));
        x0 += MCU_VECTOR;
        x1 += MCU_VECTOR;
        x2 += MCU_VECTOR;
        x3 += MCU_VECTOR;
    }
}

/// Where the outputs of a pass go: channels 0 and `second` of pixels that are out_ch apart.
static inline void mcu_set_places(uint16_t *places, int32_t out_ch, int32_t second,
                                  int32_t pixels) {
    for (int32_t pixel = 0; pixel < MCU_PIXELS; pixel++) {
        const int32_t at = out_ch * ((pixel < pixels) ? pixel : pixels - 1);
        places[2 * pixel] = (uint16_t)at;
        places[2 * pixel + 1] = (uint16_t)(at + second);
    }
}

/// The convolution. scratch: five windows, rounded up to whole vectors, aligned to 4; the last one
/// is for one that is being collected.
static inline void mcu_convolve_four_pixels(const mcu_conv2d_mve_params *p, mcu_four_pixels type,
                                            const void *input, void *output, void *scratch) {
    const int32_t in_bytes = type.bytes * p->in_ch;
    const int32_t out_bytes = type.bytes * p->out_ch;
    const int8_t *const from = input;
    int8_t *const to = output;
    int8_t *const windows = scratch;
    const int32_t pixels = p->batch * p->out_h * p->out_w;
    const int32_t steps = (p->kernel_h * p->kernel_w * in_bytes + MCU_VECTOR - 1) / MCU_VECTOR;
    const int32_t unrolled = (steps == 1) ? 0 : (steps - 2) % MCU_UNROLL + 1; /* in round 1 */
    const int32_t pairs = p->out_ch / MCU_CHANNELS;
    const int pointwise = p->kernel_h * p->kernel_w * p->stride_h * p->stride_w == 1;
    int8_t *const last = windows + MCU_PIXELS * MCU_VECTOR * steps;
    uint16_t places[MCU_CHANNELS * MCU_PIXELS];
    mcu_position at = {from, 0, 0};
    mcu_core_args args = {
        .windows = windows,
        .skip = MCU_STEP_BYTES * (MCU_UNROLL - unrolled),
        .windows_end = last,
        .places = places,
        .zero_point = p->output_offset,
        .clamped = p->clamped,
    };

    for (int32_t pixel = 0; pixel < pixels; pixel += MCU_PIXELS) {
        /* Without four pixels, the last one is its own neighbours: its values are written again. */
        const int32_t count = (pixels - pixel < MCU_PIXELS) ? pixels - pixel : MCU_PIXELS;
        if (pointwise) {
            mcu_fill_pointwise(windows, from + pixel * in_bytes, in_bytes, count);
        } else {
            mcu_fill_windows(windows, last, &at, count, p, in_bytes);
        }
        int8_t *const first = to + pixel * out_bytes;
        args.output = first;
        args.stream = p->stream;
        if (pixel == 0 || count < MCU_PIXELS || p->out_ch % MCU_CHANNELS != 0) {
            mcu_set_places(places, p->out_ch, 1, count);
        }
        if (pairs > 0) {
            type.core(&args);
        }
        if (p->out_ch % MCU_CHANNELS != 0) { /* a last channel is its own partner */
            mcu_set_places(places, p->out_ch, 0, count);
            args.stream += pairs * (type.step_words * steps + type.finish_words);
            args.output = first + pairs * MCU_CHANNELS * type.bytes;
            type.core(&args);
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_FOUR_PIXELS_MVE_H */
