/* mcu_conv2d_10x4_s8_dsp.c: convolution on int8, a window of ten rows of four taps, stride 2 down.
 *
 * A step computes four output pixels of a column. They see 16 rows of four taps, which are widened
 * to int16 on the stack: taps 0 and 2 of a row are a word, 1 and 3 the next. Windows lie two rows
 * apart, so what row r of the weights meets are rows r, r + 2, r + 4, r + 6, and row r + 2 meets
 * three of these and r + 8: the words of every other row follow each other, and all but the first
 * take one load of a pixel. So 40 taps take 252 cycles on a Cortex-M4 for each two channels of four
 * pixels, 1.27 products per cycle. mcu_four_pixels_dsp.h says the rest.
 *
 * In the stream come the words of taps 0 and 2 of rows 0, 2, 4, 6, 8, those of taps 1 and 3 of
 * these, then those of rows 1, 3, 5, 7, 9 likewise.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_10x4_s8_dsp.h"

#include <stdint.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_four_pixels_dsp.h"
#include "mcu_port.h"

enum {
    ROWS = 10,
    TAPS = 4, /* of a row */
    STRIDE = 2,
    SEEN = ROWS + (MCU_FOUR - 1) * STRIDE, /* rows of the input */
    WORDS = TAPS / 2,                      /* of a row */
    PAIR_WORDS = 2 + ROWS * WORDS + MCU_FOUR_CONSTANTS
};

/* What a step needs. */
typedef struct {
    mcu_four_pixels four; /* with the next four words the state of mcu_state.h */
    int32_t unused[4];
    const int8_t *from; /* the first row that is seen, or would be, four bytes in memory of each */
    int32_t pitch;      /* from a row to the next */
    int32_t top;        /* rows above the image */
    int32_t bottom;     /* where it ends */
    int32_t left;       /* bits of a row outside to the left, */
    int32_t right;      /* to the right */
    int32_t outside;    /* padding in the place of these bits */
    int32_t lanes;      /* a word of padding */
} step;

static int32_t *pad(int32_t *words, int32_t rows, int32_t lanes) {
    for (; rows > 0; rows--, words += WORDS) {
        words[0] = words[1] = lanes;
    }
    return words;
}

MCU_CALLED_BY_ASSEMBLY
static void fill_window(const step *at, int32_t *words) {
    const int8_t *from = at->from;
    const int32_t pitch = at->pitch;
    const int32_t left = at->left;
    const int32_t right = at->right;
    const int32_t outside = at->outside;
    int32_t *to = pad(words, at->top, at->lanes);
    for (int32_t rows = at->bottom - at->top; rows > 0; rows--, from += pitch, to += WORDS) {
        const uint32_t four = (uint32_t)mcu_load4(from);
        const int32_t taps = (int32_t)((four << left) >> right) | outside;
        to[0] = mcu_sxtb16(taps);
        to[1] = mcu_sxtb16_odd(taps);
    }
    (void)pad(to, SEEN - at->bottom, at->lanes);
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* The words of every other row from `at` bytes on. */
#define FIRST(at)                                                                                  \
    MCU_FOUR_W MCU_FOUR_X("r1", at) MCU_FOUR_X("r2", at " + 16") MCU_FOUR_X("r3", at " + 32")      \
    MCU_FOUR_X("r4", at " + 48")
#define THEN(at)                                                                                   \
    MCU_FOUR_THEN(at " + 64", "r1", "r2", "r3", "r4") MCU_FOUR_THEN(at " + 80", "r2", "r3", "r4", "r1") \
    MCU_FOUR_THEN(at " + 96", "r3", "r4", "r1", "r2") MCU_FOUR_THEN(at " + 112", "r4", "r1", "r2", "r3")
#define CHAIN(at) FIRST(at) MCU_FOUR_GO_ON("r1", "r2", "r3", "r4") THEN(at)
#define SUMS FIRST("0") MCU_FOUR_BEGIN("r1", "r2", "r3", "r4") THEN("0") CHAIN("4") CHAIN("8") CHAIN("12")

MCU_ASSEMBLY_FUNCTION
static void core(const step *at MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n sub sp, #132\n" /* 16 rows, and a word for alignment */
        "mov r4, r0\n mov r1, sp\n bl fill_window\n mov r1, r4\n"
        MCU_STATE_ENTER
        MCU_FOUR_CHANNELS(SUMS)
        MCU_STATE_LEAVE
        "add sp, #132\n pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

static void core(const step *at) {
    int32_t window[WORDS * SEEN];
    int8_t *output = at->four.output;
    fill_window(at, window);
    for (const int32_t *stream = at->four.stream; stream != at->four.end; output += 2) {
        int32_t sums[MCU_FOUR_SUMS];
        stream = mcu_four_begin(sums, stream);
        for (int32_t chain = 0; chain < STRIDE * WORDS; chain++) {
            for (int32_t row = 0; row < ROWS; row += STRIDE, stream++) {
                for (int32_t p = 0; p < MCU_FOUR; p++) {
                    const int32_t *const x = window + WORDS * (row + STRIDE * p);
                    mcu_four_times(sums, *stream, p, x[chain]);
                }
            }
        }
        stream = mcu_four_finish(sums, stream, output, at->four.pitch);
    }
}

#endif

void mcu_conv2d_10x4_s8_dsp(const mcu_conv2d_10x4_s8_dsp_params *params, const int8_t *input,
                            int8_t *output) {
    const mcu_conv2d_10x4_s8_dsp_params *const p = params;
    const int32_t row_bytes = p->out_w * p->out_ch;
    const int32_t last = p->in_w - TAPS / p->in_ch; /* column of a window inside */
    const uint32_t zeros = 0x01010101U * (uint32_t)(uint8_t)p->input_zero_point;
    step at = {
        .four = {p->stream, p->stream + p->out_ch / 2 * PAIR_WORDS, output, row_bytes},
        .pitch = p->in_w * p->in_ch,
        .lanes = mcu_lanes(p->input_zero_point, p->input_zero_point),
    };
    MCU_ASSERT(p->in_w * p->in_ch >= TAPS && p->out_h >= MCU_FOUR && p->out_ch % 2 == 0);
    for (int32_t batch = 0; batch < p->batch; batch++) {
        for (int32_t next = 0; next < p->out_h; next += MCU_FOUR) {
            /* The last step of a column begins again where there are four pixels. */
            const int32_t row = (next + MCU_FOUR < p->out_h) ? next : p->out_h - MCU_FOUR;
            const int32_t y = row * STRIDE - p->pad_top;
            at.top = mcu_clamp(-y, 0, SEEN);
            at.bottom = mcu_clamp(p->in_h - y, at.top, SEEN);
            for (int32_t column = 0; column < p->out_w; column++) {
                const int32_t x = column * p->stride_w - p->pad_left;
                const int32_t begin = mcu_clamp(x, 0, last);
                const int32_t bits = 8 * p->in_ch * (x - begin);
                at.from = input + (y + at.top) * at.pitch + begin * p->in_ch;
                at.left = (bits < 0) ? -bits : 0;
                at.right = (bits > 0) ? bits : 0;
                at.outside = (int32_t)(zeros & ~((0xffffffffU << at.left) >> at.right));
                at.four.output = output + row * row_bytes + column * p->out_ch;
                core(&at);
            }
        }
        input += p->in_h * at.pitch;
        output += p->out_h * row_bytes;
    }
}
