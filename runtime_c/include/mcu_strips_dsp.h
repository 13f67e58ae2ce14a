/* mcu_strips_dsp.h: what the depthwise 3x3 kernels on int16 share.
 *
 * They compute one channel of a strip of outputs at a time, straight from the image. The strip sees
 * three lines a, b, c of the input. At each position their values of this channel are loaded as
 * halfwords, and a and b become the lanes of a word. So one of the three taps along the strip is
 *
 *     sum += (a, b) . (w0, w1) + c * w2
 *
 * Padding before and behind a line is left out: sums begin with fewer products and end with fewer.
 * A strip at the border sees two lines, (a, b) . (w0, w1) or (a, b) . (w1, w2).
 *
 * The stream of a channel, with w[tap of the strip][line]:
 *     (w00, w01), (w10, w11), (w20, w21), (w02, w12), (w22, bytes of a step), multiplier, bias
 *
 * Sums wrap modulo 2^32 on the way. That they fit at their end, and that one rounded product and a
 * saturation give the reference's output, is checked when the project is generated (round_once.py).
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_STRIPS_DSP_H
#define MCU_STRIPS_DSP_H

#include <stdint.h>

#include "mcu_depthwise_conv2d_3x3_s16_dsp.h"
#include "mcu_dsp.h"
#include "mcu_fixed.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_STRIPS_STREAM = 7, MCU_STRIPS_MULTIPLIER = 5, MCU_STRIPS_BIAS = 6 }; /* words */

/// All channels of a strip. The assembly knows the order.
typedef struct {
    const int16_t *from; ///< the first line that is read, its first position
    int32_t pitch;       ///< bytes from line to line
    int16_t *output;
    int32_t lag;        ///< stride 1: bytes from an output to the position behind its last one
    const int16_t *end; ///< behind the last position
    const int32_t *stream;
    const int32_t *stream_end;
    int32_t back;  ///< bytes from where a strip ends to the next channel of its first position
    int32_t enter; ///< where in the unrolled loop to begin
    int32_t open;  ///< 1: no padding before the first position
    int32_t tail;  ///< 1: padding behind the last one
    int32_t first; ///< of two lines: 1: it is the first line of the window that is missing
    int32_t last;  ///< stride 2: bytes from the first output to the last one
    int32_t positions;
} mcu_strip;

/// What is alike for all strips.
static inline mcu_strip mcu_strips_of(const mcu_depthwise_conv2d_3x3_s16_dsp_params *p) {
    const mcu_strip strip = {
        .pitch = 2 * p->line_pitch,
        .stream = p->stream,
        .stream_end = p->stream + p->channels * MCU_STRIPS_STREAM,
        .open = 1 - p->pad_before,
        .tail = p->pad_behind,
        .positions = p->positions,
    };
    return strip;
}

/// A kernel defines these: strips of three lines or two, outputs clamped to int16 or as by a ReLU.
static void three_lines(const mcu_strip *args);
static void three_lines_relu(const mcu_strip *args);
static void two_lines(const mcu_strip *args);
static void two_lines_relu(const mcu_strip *args);

/// Computes the strip whose window begins at a line of the image; its output is set.
static inline void mcu_strips_run(mcu_strip *strip,
                                  const mcu_depthwise_conv2d_3x3_s16_dsp_params *p,
                                  const int16_t *image, int32_t line) {
    strip->first = line < 0;
    strip->from = image + (line + strip->first) * p->line_pitch;
    strip->end = strip->from + p->positions * p->step;
    if (line >= 0 && line + 3 <= p->lines) {
        if (p->relu) {
            three_lines_relu(strip);
        } else {
            three_lines(strip);
        }
    } else if (p->relu) {
        two_lines_relu(strip);
    } else {
        two_lines(strip);
    }
}

/// Computes all strips.
static inline void mcu_strips_run_all(mcu_strip *strip,
                                      const mcu_depthwise_conv2d_3x3_s16_dsp_params *p,
                                      const int16_t *input, int16_t *output) {
    for (int32_t n = 0; n < p->batch; n++) {
        strip->output = output + n * p->out_size;
        for (int32_t i = 0; i < p->strips; i++) {
            mcu_strips_run(strip, p, input + n * p->in_size, i * p->strip_stride - p->pad_lines);
            strip->output += p->strip_pitch;
        }
    }
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* Registers: r0 position, r1 bytes from line to line, r3 values, r4-r6 sums and values, r7-r11
 * weights, r12 multiplier, lr bias. sp: from `end` to `first`. */
#define SSAT(r) "ssat " r ", #16, " r "\n"
#define USAT(r) "usat " r ", #15, " r "\n"
#define STEP "uxtah r0, r0, r11, ror #16\n"

/* (a, b) to r3, c to r6; the register of b changes. */
#define PAIR(b) "ldrh r3, [r0]\n ldrh " b ", [r0, r1]\n pkhbt r3, r3, " b ", lsl #16\n"
#define TRIPLE(b)                                                                                  \
    "ldrh r3, [r0]\n ldrh " b ", [r0, r1]\n ldrh r6, [r0, r1, lsl #1]\n"                           \
    "pkhbt r3, r3, " b ", lsl #16\n"

/* Of two lines: (w1, w2) in the place of (w0, w1) where the first line is missing; r10 the end. */
#define SHIFT                                                                                      \
    "ldr r3, [sp, #28]\n cbz r3, 8f\n"                                                             \
    "lsr r7, r7, #16\n pkhbt r7, r7, r10, lsl #16\n pkhtb r8, r10, r8, asr #16\n"                  \
    "lsr r9, r9, #16\n pkhbt r9, r9, r11, lsl #16\n"                                               \
    "8:\n ldr r10, [sp, #0]\n"

/* clang-format on */
#else

/* One output, whose window begins at a position. */
static inline int32_t mcu_strips_sum(const mcu_strip *strip, const int32_t *w, const int16_t *from,
                                     int32_t begin, int32_t lines) {
    const int32_t third[3] = {mcu_lane(w[3], 0), mcu_lane(w[3], 1), mcu_lane(w[4], 0)};
    const int32_t step = (int32_t)((uint32_t)w[4] >> 16) / 2;
    const int32_t pitch = strip->pitch / 2;
    int32_t sum = w[MCU_STRIPS_BIAS];
    for (int32_t tap = 0; tap < 3; tap++) {
        if (begin + tap >= 0 && begin + tap < strip->positions) {
            const int16_t *const at = from + (begin + tap) * step;
            const int32_t ab = mcu_lanes(at[0], at[pitch]);
            sum = mcu_smlad(ab, strip->first ? mcu_lanes(mcu_lane(w[tap], 1), third[tap]) : w[tap],
                            sum);
            if (lines == 3) {
                sum = mcu_smlad(at[2 * pitch] & 0xffff, third[tap], sum);
            }
        }
    }
    return sum;
}

static inline void mcu_strips_compute(const mcu_strip *strip, int32_t stride, int32_t lines,
                                      int32_t low) {
    const int32_t outputs = (strip->positions + strip->tail - strip->open - 2) / stride + 1;
    const int32_t step = (int32_t)((uint32_t)strip->stream[4] >> 16) / 2;
    const int32_t *w = strip->stream;
    for (int32_t c = 0; w != strip->stream_end; c++, w += MCU_STRIPS_STREAM) {
        for (int32_t i = 0; i < outputs; i++) {
            const int32_t begin = i * stride - 1 + strip->open;
            const int32_t sum = mcu_strips_sum(strip, w, strip->from + c, begin, lines);
            const int32_t scaled = mcu_smmulr(sum, w[MCU_STRIPS_MULTIPLIER]);
            strip->output[c + i * step] = (int16_t)mcu_clamp(scaled, low, INT16_MAX);
        }
    }
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* MCU_STRIPS_DSP_H */
