/* mcu_nine_taps_mve.h: 3x3 convolution of each channel by itself for cores with Helium.
 *
 * A core computes all channels of an output pixel, eight at a time, from pointers to the nine input
 * pixels. Where one of these is padding, the pointer is to a pixel of zero points in scratch. int8
 * and int16 share this: a pixel is `channels` values, or `pixel` bytes.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_NINE_TAPS_MVE_H
#define MCU_NINE_TAPS_MVE_H

#include <stdint.h>

#include "mcu_depthwise_conv2d_mve.h"
#include "mcu_mve.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_KERNEL = 3, MCU_TAPS = 9, MCU_LANES = 8 };

/// What a core needs for an output pixel. The cores know the order.
typedef struct {
    const int8_t *taps[MCU_TAPS];
    const void *weights;
    const int32_t *constants;
    void *output;
    int32_t finish; ///< as in the params
    int32_t groups; ///< of eight channels, 1 or more
} mcu_taps_args;

/// What the convolutions of int8 and of int16 differ in.
typedef struct {
    void (*core)(const mcu_taps_args *args);
    int32_t bytes;        ///< of a value, input and output
    int32_t weight_bytes; ///< of a weight
    int32_t constants;    ///< words for each eight channels
} mcu_nine_taps;

/// Points at the nine pixels of a window; `padding` is a pixel too.
static inline void mcu_point_at_taps(const int8_t **taps, const int8_t *image, int32_t y, int32_t x,
                                     int32_t pixel, const int8_t *padding,
                                     const mcu_depthwise_conv2d_mve_params *p) {
    const int8_t *at = image + (y * p->in_w + x) * pixel;
    const int32_t pitch = p->in_w * pixel;
    if (y >= 0 && x >= 0 && y + MCU_KERNEL <= p->in_h && x + MCU_KERNEL <= p->in_w) {
        for (int32_t tap = 0; tap < MCU_TAPS; tap += MCU_KERNEL, at += pitch) {
            taps[tap] = at;
            taps[tap + 1] = at + pixel;
            taps[tap + 2] = at + 2 * pixel;
        }
        return;
    }
    const int left = x >= 0 && x < p->in_w;
    const int middle = x + 1 >= 0 && x + 1 < p->in_w;
    const int right = x + 2 >= 0 && x + 2 < p->in_w;
    for (int32_t tap = 0; tap < MCU_TAPS; tap += MCU_KERNEL, at += pitch, y++) {
        const int inside = y >= 0 && y < p->in_h;
        taps[tap] = (inside && left) ? at : padding;
        taps[tap + 1] = (inside && middle) ? at + pixel : padding;
        taps[tap + 2] = (inside && right) ? at + 2 * pixel : padding;
    }
}

/// All channels of an output pixel; where they are not a multiple of eight, the last eight overlap
/// those before.
static inline void mcu_convolve_taps(const mcu_taps_args *args, int32_t channels,
                                     mcu_nine_taps type) {
    type.core(args);
    if (channels % MCU_LANES != 0) {
        const int32_t groups = channels / MCU_LANES;
        const int32_t skip = (channels - MCU_LANES) * type.bytes;
        mcu_taps_args last = *args;
        for (int32_t tap = 0; tap < MCU_TAPS; tap++) {
            last.taps[tap] += skip;
        }
        last.weights =
            (const int8_t *)args->weights + groups * MCU_TAPS * MCU_LANES * type.weight_bytes;
        last.constants += groups * type.constants;
        last.output = (int8_t *)args->output + skip;
        last.groups = 1;
        type.core(&last);
    }
}

/// The convolution.
static inline void mcu_convolve_nine_taps(const mcu_depthwise_conv2d_mve_params *p,
                                          mcu_nine_taps type, const void *input, void *output,
                                          void *scratch) {
    const int32_t pixel = type.bytes * p->channels;
    const int8_t *image = input;
    int8_t *to = output;
    mcu_taps_args args = {
        .weights = p->weights,
        .constants = p->constants,
        .finish = p->finish,
        .groups = p->channels / MCU_LANES,
    };
    mcu_fill_vectors(scratch, p->input_zero_point, pixel);
    for (int32_t i = 0; i < p->batch; i++, image += p->in_h * p->in_w * pixel) {
        int32_t y = -p->pad_top;
        for (int32_t row = 0; row < p->out_h; row++, y += p->stride_h) {
            int32_t x = -p->pad_left;
            for (int32_t column = 0; column < p->out_w; column++, x += p->stride_w) {
                mcu_point_at_taps(args.taps, image, y, x, pixel, scratch, p);
                args.output = to;
                mcu_convolve_taps(&args, p->channels, type);
                to += pixel;
            }
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_NINE_TAPS_MVE_H */
