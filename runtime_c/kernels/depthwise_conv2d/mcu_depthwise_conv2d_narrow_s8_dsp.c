/* mcu_depthwise_conv2d_narrow_s8_dsp.c: depthwise 3x3 convolution on int8 images of 3 to 7 columns,
 * stride 1 (mcu_narrow.h).
 *
 * On a Cortex-M4 a row of 6 outputs takes 83 cycles, and to sort a row of 6 pixels 12 a channel.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_narrow_s8_dsp.h"

#include "mcu_dsp.h"
#include "mcu_narrow.h"
#include "mcu_port.h"

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* Of one row of the kernel, its weights at w, the image's row at `at`: all outputs of a row. */
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

#else

static void slide(const mcu_depthwise_conv2d_narrow_s8_dsp_params *p, const int32_t *stream,
                  const int32_t *row, int8_t *output, const mcu_narrow_slide *args) {
    mcu_narrow_slide_rows(p, stream, row, output, args, 1);
}

#endif

void mcu_depthwise_conv2d_narrow_s8_dsp(const mcu_depthwise_conv2d_narrow_s8_dsp_params *params,
                                        const int8_t *input, int8_t *output, void *scratch) {
    const mcu_depthwise_conv2d_narrow_s8_dsp_params *const p = params;
    const mcu_narrow_sorting sorting = mcu_narrow_sorting_of(p);
    const int32_t *middle;
    mcu_narrow_slide args = mcu_narrow_begin(p, scratch, 1, &middle);
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
