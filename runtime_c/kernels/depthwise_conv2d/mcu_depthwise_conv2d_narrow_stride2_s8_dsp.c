/* mcu_depthwise_conv2d_narrow_stride2_s8_dsp.c: depthwise 3x3 convolution on int8 images of 6, 8,
 * 12 or 14 columns, stride 2 (mcu_narrow.h).
 *
 * On a Cortex-M4 a row of 6 outputs takes 98 cycles, and to sort a row of 12 pixels 25 a channel.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_narrow_s8_dsp.h"

#include "mcu_dsp.h"
#include "mcu_narrow.h"
#include "mcu_port.h"

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* Of one row of the kernel, its weights at w, the image's row at `at`: all outputs of a row. */
#define THREE(w, at, from)                                                                         \
    LOAD3(w, at)                                                                                   \
    EVEN("r3", "r12", "lr", from("r3")) EVEN("r4", "lr", "r9", from("r4")) NO_LAST("r5", "r9")
/* Blocks of two words. */
#define FOUR(w, at, from)                                                                          \
    LOAD2(w, at) "ldr r9, [r0, #" at "+48]\n"                                                      \
    EVEN("r3", "r12", "lr", from("r3")) EVEN("r4", "lr", "r9", from("r4"))                         \
    "ldr r12, [r0, #" at "+52]\n"                                                                  \
    EVEN("r5", "r9", "r12", from("r5")) NO_LAST("r6", "r12")
#define SIX(w, at, from)                                                                           \
    LOAD3(w, at)                                                                                   \
    EVEN("r3", "r12", "lr", from("r3")) EVEN("r4", "lr", "r9", from("r4"))                         \
    EVEN_P("r5", "r9", from("r5"))                                                                 \
    "ldr r12, [r0, #" at "+48]\n ldr lr, [r0, #" at "+52]\n ldr r9, [r0, #" at "+56]\n"            \
    EVEN_Q("r5", "r12")                                                                            \
    EVEN("r6", "r12", "lr", from("r6")) EVEN("r7", "lr", "r9", from("r7")) NO_LAST("r8", "r9")
/* The third block ends with (x12, x13). */
#define SEVEN(w, at, from)                                                                         \
    LOAD2(w, at)                                                                                   \
    EVEN("r3", "r12", "lr", from("r3")) EVEN_P("r4", "lr", from("r4"))                             \
    "ldr r12, [r0, #" at "+8]\n ldr lr, [r0, #" at "+48]\n"                                        \
    EVEN_Q("r4", "r12") EVEN("r5", "r12", "lr", from("r5")) EVEN_P("r6", "lr", from("r6"))         \
    "ldr r12, [r0, #" at "+52]\n ldr lr, [r0, #" at "+56]\n"                                       \
    EVEN_Q("r6", "r12") EVEN("r7", "r12", "lr", from("r7")) EVEN_P("r8", "lr", from("r8"))         \
    "ldr r12, [r0, #" at "+100]\n"                                                                 \
    EVEN_Q("r8", "r12") NO_LAST("r9", "r12")

CORE(three, SLIDE3, THREE, "-48", "48", "96")
CORE(four, SLIDE4, FOUR, "-96", "96", "192")
CORE(six, SLIDE6, SIX, "-96", "96", "192")
CORE(seven, SLIDE7, SEVEN, "-144", "144", "288")

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
    case 6:
        six(stream, row, output, args);
        break;
    default:
        seven(stream, row, output, args);
        break;
    }
}

#else

static void slide(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p, const int32_t *stream,
                  const int32_t *row, int8_t *output, const mcu_narrow_slide *args) {
    mcu_narrow_slide_rows(p, stream, row, output, args, 2);
}

#endif

void mcu_depthwise_conv2d_narrow_stride2_s8_dsp(
    const mcu_depthwise_conv2d_narrow_s8_dsp_params *params, const int8_t *input, int8_t *output,
    void *scratch) {
    const mcu_depthwise_conv2d_narrow_s8_dsp_params *const p = params;
    const mcu_narrow_sorting sorting = mcu_narrow_sorting_of(p);
    const int32_t *middle;
    mcu_narrow_slide args = mcu_narrow_begin(p, scratch, 2, &middle);
    for (int32_t n = 0; n < p->batch; n++) {
        const int8_t *image = input + n * p->in_h * p->in_w * p->channels;
        int8_t *to = output + n * p->out_h * p->out_w * p->channels;
        const int32_t *stream = p->stream;
        int32_t left = p->channels;
        for (; left >= MCU_NARROW; left -= MCU_NARROW) {
            mcu_narrow_sort_image(&sorting, image, scratch);
            slide(p, stream, middle, to, &args);
            image += MCU_NARROW;
            to += MCU_NARROW;
            stream += MCU_NARROW * MCU_NARROW_STREAM;
        }
        if (left > 0) { /* The last four channels are sorted again, and what is left is computed. */
            const int32_t known = MCU_NARROW - left;
            mcu_narrow_slide rest = args;
            rest.last += known * MCU_NARROW_WORDS;
            mcu_narrow_sort_image(&sorting, image - known, scratch);
            slide(p, stream, middle + known * MCU_NARROW_WORDS, to, &rest);
        }
    }
}
