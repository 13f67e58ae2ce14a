/* mcu_conv2d_10x4_s8_dsp.c: convolution on int8, a window of ten rows of four taps, stride 2 down.
 *
 * A step computes four output pixels of a column. They see 16 rows of four taps, which are widened
 * to int16 on the stack: taps 0 and 2 of a row are a word, 1 and 3 the next. Windows lie two rows
 * apart, so what row r of the weights meets are rows r, r + 2, r + 4, r + 6, and row r + 2 meets
 * three of these and r + 8: the words of every other row follow each other, and all but the first
 * take one load of a pixel. So 40 taps take 252 cycles on a Cortex-M4 for each two channels of four
 * pixels, 1.27 products per cycle. mcu_four_pixels_dsp.h says the rest. Where one pixel of a column
 * is left, it is computed on its own, which takes half as long.
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

/* 16 rows lie on the stack, and a word for alignment. */
#define ENTER                                                                                      \
    ".syntax unified\n"                                                                            \
    "push {r4-r11, lr}\n sub sp, #132\n mov r4, r0\n mov r1, sp\n bl fill_window\n mov r1, r4\n"     \
    MCU_STATE_ENTER
#define LEAVE MCU_STATE_LEAVE "add sp, #132\n pop {r4-r11, pc}\n"

MCU_ASSEMBLY_FUNCTION
static void core(const step *at MCU_UNUSED) {
    __asm__(ENTER MCU_FOUR_CHANNELS(SUMS) LEAVE);
}

/* A word of the weights, that of the pixel: sums r5 of A, r9 of B. */
#define ADD(w, x)                                                                                  \
    "smlad r5, " w ", " x ", r5\n sxtb16 " w ", " w "\n smlad r9, " w ", " x ", r9\n"

MCU_ASSEMBLY_FUNCTION
static void core_one(const step *at MCU_UNUSED) {
    __asm__(
        ENTER
        MCU_GET("r0", MCU_FOUR_STREAM)
        ".balign 4\n"
        "1:\n"
        "ldr r5, [r0], #4\n ldr r9, [r0], #4\n"
        "add r3, sp, #" MCU_FOUR_PLACE "\n mov r11, #4\n"
        ".balign 4\n"
        "2:\n" /* every other row: 29 cycles */
        "ldm r0!, {r6, r7, r8, r10, lr}\n ldr r1, [r3, #16]\n ldr r2, [r3, #32]\n ldr r4, [r3, #48]\n"
        "ldr r12, [r3, #64]\n"
        ADD("r7", "r1") "ldr r1, [r3], #4\n" ADD("r8", "r2") ADD("r10", "r4") ADD("lr", "r12")
        ADD("r6", "r1")
        "subs r11, #1\n bne 2b\n"
        "ldm r0!, {r1, r2, r3}\n"
        "sub r5, r9\n add r9, r3, r9, lsl #8\n smmul r5, r5, r1\n smmul r9, r9, r2\n"
        MCU_GET("r1", MCU_FOUR_OUTPUT) MCU_GET("r2", MCU_FOUR_END)
        "ssat r5, #8, r5, asr #12\n ssat r9, #8, r9, asr #12\n"
        "strb r5, [r1], #1\n strb r9, [r1], #1\n"
        MCU_PUT(MCU_FOUR_OUTPUT, "r1")
        "cmp r0, r2\n bne.w 1b\n"
        LEAVE);
}

/* clang-format on */

#else

static void core_of(const step *at, int32_t pixels) {
    int32_t window[WORDS * SEEN];
    int8_t *output = at->four.output;
    fill_window(at, window);
    for (const int32_t *stream = at->four.stream; stream != at->four.end; output += 2) {
        int32_t sums[MCU_FOUR_SUMS];
        stream = mcu_four_begin(sums, stream);
        for (int32_t chain = 0; chain < STRIDE * WORDS; chain++) {
            for (int32_t row = 0; row < ROWS; row += STRIDE, stream++) {
                for (int32_t p = 0; p < pixels; p++) {
                    const int32_t *const x = window + WORDS * (row + STRIDE * p);
                    mcu_four_times(sums, *stream, p, x[chain]);
                }
            }
        }
        stream = mcu_four_finish(sums, stream, pixels, output, at->four.pitch);
    }
}

static void core(const step *at) { core_of(at, MCU_FOUR); }

static void core_one(const step *at) { core_of(at, 1); }

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
            const int one = next + 1 == p->out_h;
            const int32_t seen = one ? ROWS : SEEN;
            /* Where two or three pixels are left, the step begins again where there are four. */
            const int32_t row = (one || next + MCU_FOUR < p->out_h) ? next : p->out_h - MCU_FOUR;
            const int32_t y = row * STRIDE - p->pad_top;
            at.top = mcu_clamp(-y, 0, seen);
            at.bottom = mcu_clamp(p->in_h - y, at.top, seen);
            for (int32_t column = 0; column < p->out_w; column++) {
                const int32_t x = column * p->stride_w - p->pad_left;
                const int32_t begin = mcu_clamp(x, 0, last);
                const int32_t bits = 8 * p->in_ch * (x - begin);
                at.from = input + (y + at.top) * at.pitch + begin * p->in_ch;
                at.left = (bits < 0) ? -bits : 0;
                at.right = (bits > 0) ? bits : 0;
                at.outside = (int32_t)(zeros & ~((0xffffffffU << at.left) >> at.right));
                at.four.output = output + row * row_bytes + column * p->out_ch;
                if (one) {
                    core_one(&at);
                } else {
                    core(&at);
                }
            }
        }
        input += p->in_h * at.pitch;
        output += p->out_h * row_bytes;
    }
}
