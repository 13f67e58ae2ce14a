/* mcu_narrow_stride1.h: depthwise 3x3 convolution on int8 images of 3 to 7 columns, stride 1
 * (mcu_narrow.h): what the kernels for any and for one number of channels have in common.
 *
 * With MCU_NARROW_TWELVE images have 12 columns, which are computed in two halves.
 *
 * On a Cortex-M4 a row of 6 outputs takes 83 cycles, 77 with MCU_NARROW_CHANNELS, half a row
 * of 12 takes 86; and to sort a row of 6 pixels 12 a channel.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_NARROW_STRIDE1_H
#define MCU_NARROW_STRIDE1_H

#include <stdint.h>

#include "mcu_depthwise_conv2d_narrow_s8_dsp.h"
#include "mcu_dsp.h"
#include "mcu_narrow.h"
#include "mcu_port.h"

#ifdef __cplusplus
extern "C" {
#endif

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* The fifth pixel in r7 to the third word of each channel, whose other lane no one reads. */
#define FIFTH                                                                                      \
    "ldr r7, [r0, r2, lsl #2]\n"                                                                   \
    "sxtab16 r11, r5, r7, ror #8\n sxtab16 r7, r5, r7\n lsr lr, r11, #16\n lsr r12, r7, #16\n"     \
    "str r7, [r1, #8]\n str r11, [r1, #20]\n str r12, [r1, #32]\n str lr, [r1, #44]\n"

MCU_ASSEMBLY_FUNCTION
static void sort5(const int8_t *image MCU_UNUSED, int32_t *blocks MCU_UNUSED,
                  const mcu_narrow_sort *args MCU_UNUSED) {
    __asm__(".syntax unified\n push {r4-r11, lr}\n"
            "ldr r3, [r2, #16]\n ldm.w r2, {r2, r4, r5, r6}\n mov r4, r3\n"
            "add r3, r2, r2, lsl #1\n"
            MCU_NARROW_SORT("r3", FIFTH, "r4")
            "pop {r4-r11, pc}\n");
}

/* Of one row of the kernel, its weights at w, the image's row at `at`: all outputs of a row. */
#ifdef MCU_NARROW_TWELVE
#define HALF(outputs, ...) SLIDE6_OF("12", outputs, __VA_ARGS__)
/* Of two blocks: the first six outputs, the last six. */
#define LEFT(w, at, from)                                                                          \
    LOAD3(w, at)                                                                                   \
    NO_FIRST("r3", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                          \
    ODD("r5", "r12", "lr", from("r5"))                                                             \
    "ldr r12, [r0, #" at "+48]\n"                                                                  \
    EVEN("r6", "lr", "r9", from("r6")) ODD("r7", "lr", "r9", from("r7"))                           \
    EVEN("r8", "r9", "r12", from("r8"))
#define RIGHT(w, at, from)                                                                         \
    LOAD2(w, at "+48") "ldr r9, [r0, #" at "+8]\n"                                                 \
    ODD("r3", "r9", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                         \
    ODD("r5", "r12", "lr", from("r5"))                                                             \
    "ldr r12, [r0, #" at "+56]\n"                                                                  \
    EVEN("r6", "lr", "r12", from("r6")) ODD("r7", "lr", "r12", from("r7")) NO_LAST("r8", "r12")

CORE(left, HALF, LEFT, "-96", "96", "96")
CORE(right, HALF, RIGHT, "-96", "96", "96")

/* clang-format on */

static void slide(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p, const int32_t *stream,
                  const int32_t *row, int8_t *output, const mcu_narrow_slide *args) {
    left(stream, row, output, args);
    right(stream, row, output + 6 * p->channels, args);
}

#else
/* clang-format off */

#define THREE(w, at, from)                                                                         \
    LOAD2(w, at)                                                                                   \
    NO_FIRST("r3", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                          \
    NO_LAST_ODD("r5", "r12", "lr")
#define FOUR(w, at, from)                                                                          \
    LOAD2(w, at)                                                                                   \
    NO_FIRST("r3", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                          \
    ODD("r5", "r12", "lr", from("r5")) NO_LAST("r6", "lr")
#define FIVE(w, at, from)                                                                          \
    LOAD3(w, at)                                                                                   \
    NO_FIRST("r3", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                          \
    ODD("r5", "r12", "lr", from("r5")) EVEN("r6", "lr", "r9", from("r6"))                          \
    NO_LAST_ODD("r7", "lr", "r9")
#define SIX(w, at, from)                                                                           \
    LOAD3(w, at)                                                                                   \
    NO_FIRST("r3", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                          \
    ODD("r5", "r12", "lr", from("r5")) EVEN("r6", "lr", "r9", from("r6"))                          \
    ODD("r7", "lr", "r9", from("r7")) NO_LAST("r8", "r9")
/* The second block ends with (x5, x6). */
#define SEVEN(w, at, from)                                                                         \
    LOAD2(w, at)                                                                                   \
    NO_FIRST("r3", "r12", from("r3")) EVEN("r4", "r12", "lr", from("r4"))                          \
    ODD("r5", "r12", "lr", from("r5"))                                                             \
    "ldr r12, [r0, #" at "+8]\n"                                                                   \
    EVEN("r6", "lr", "r12", from("r6")) ODD("r7", "lr", "r12", from("r7"))                         \
    "ldr lr, [r0, #" at "+52]\n"                                                                   \
    EVEN_P("r8", "r12", from("r8")) "smlatt r8, lr, r11, r8\n" NO_LAST("r9", "lr")

CORE(three, SLIDE3, THREE, "-48", "48", "48")
CORE(four, SLIDE4, FOUR, "-48", "48", "48")
CORE(five, SLIDE5, FIVE, "-48", "48", "48")
CORE(six, SLIDE6, SIX, "-48", "48", "48")
CORE(seven, SLIDE7, SEVEN, "-96", "96", "96")

/* clang-format on */

MCU_NOINLINE static void slide(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p,
                               const int32_t *stream, const int32_t *row, int8_t *output,
                               const mcu_narrow_slide *args) {
    switch (p->out_w) {
    case 3:
        three(stream, row, output, args);
        break;
    case 4:
        four(stream, row, output, args);
        break;
    case 5:
        five(stream, row, output, args);
        break;
    case 6:
        six(stream, row, output, args);
        break;
    default:
        seven(stream, row, output, args);
        break;
    }
}

#endif

#else

static inline void sort5(const int8_t *image, int32_t *blocks, const mcu_narrow_sort *args) {
    mcu_narrow_sort6(image, blocks, args);
}

static void slide(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p, const int32_t *stream,
                  const int32_t *row, int8_t *output, const mcu_narrow_slide *args) {
    mcu_narrow_slide_rows(p, stream, row, output, args, 1);
}

#endif

static inline void sort(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p,
                        const mcu_narrow_sorting *sorting, const int8_t *image, int32_t *blocks) {
    if (p->in_w == 5) {
        sort5(image, blocks, &sorting->sixes);
    } else {
        mcu_narrow_sort_image(sorting, image, blocks);
    }
}

/// The kernels.
static inline void mcu_narrow_stride1(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p,
                                      const int8_t *input, int8_t *output, void *scratch) {
    const mcu_narrow_sorting sorting = mcu_narrow_sorting_of(p);
    const int32_t *middle;
    mcu_narrow_slide args = mcu_narrow_begin(p, scratch, 1, &middle);
    for (int32_t n = 0; n < p->batch; n++) {
        const int8_t *image = input + n * p->in_h * p->in_w * p->channels;
        int8_t *to = output + n * p->out_h * p->out_w * p->channels;
        const int32_t *stream = p->stream;
        int32_t left = p->channels;
        for (; left >= MCU_NARROW; left -= MCU_NARROW) {
            sort(p, &sorting, image, scratch);
            slide(p, stream, middle, to, &args);
            image += MCU_NARROW;
            to += MCU_NARROW;
            stream += MCU_NARROW * MCU_NARROW_STREAM;
        }
        if (left > 0) { /* The last four channels are sorted again, and what is left is computed. */
            const int32_t known = MCU_NARROW - left;
            mcu_narrow_slide rest = args;
            rest.last += known * MCU_NARROW_WORDS;
            sort(p, &sorting, image - known, scratch);
            slide(p, stream, middle + known * MCU_NARROW_WORDS, to, &rest);
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_NARROW_STRIDE1_H */
