/* mcu_conv2d_3x3_s8_dsp.c: 3x3 convolution on int8, stride 1, two output channels of four pixels.
 *
 * Four neighbours of a row see three rows of six input pixels x0 to x5, which are widened to int16
 * in scratch: [row][channel pair][x0 .. x5], a word holding two channels of a pixel. Column k of
 * the weights meets x(k) x(k+1) x(k+2) x(k+3): six loads serve twelve products of each pair of
 * output channels with two input channels.
 *
 * Two output channels A and B share a weight word: its lanes hold 256 * wA + wB for two taps.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias.
 *
 * Requantization, FIXED: SSAT((hi(256 * S * multiplier) + offset) >> 13), where that is proved to
 * give the reference's value for all sums that each channel can reach. Otherwise GENERAL, with x =
 * hi(2 * S * multiplier), rounded: SSAT((x - (x < 0) + offset) >> shift).
 *
 * The stream holds, for each two output channels, in the order of reading:
 *     256 * bias_A + bias_B, bias_B
 *     per row and pair of input channels: lanes of A and B for columns 0, 1, 2
 *     per channel: multiplier, offset and, for GENERAL, shift
 *
 * On a Cortex-M4 with FPU a step takes 42 cycles for 48 products, and one for the loop.
 * Registers: r0 stream, r1-r4 pixels, lr weights, r5-r8 sums of A, r9-r12 sums of B. There is none
 * left for the window's address; it takes the place of a pixel that has just been used.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_3x3_s8_dsp.h"

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"
#include "mcu_times_256.h"

enum {
    ROWS = 3,
    PIXELS = 4, /* of the output */
    COLUMNS = 6 /* of the window */
};

/* What the core needs for four pixels: the state of mcu_state.h. */
typedef struct {
    const int32_t *at; /* in the window */
    const int32_t *window_end;
    const int32_t *window;
    int8_t *output; /* of the first pixel */
    int32_t out_ch;
    int32_t fixed;
    int32_t pairs; /* of output channels, 1 or more */
    int32_t unused;
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define AT "0"
#define END "1"
#define WINDOW "2"
#define OUTPUT "3"
#define OUT_CH "4"
#define FORM "5"
#define PAIRS "6"

#define ADD(sum, x) "smlad " sum ", lr, " x ", " sum "\n"
#define A(x0, x1, x2, x3) ADD("r5", x0) ADD("r6", x1) ADD("r7", x2) ADD("r8", x3) "sxtb16 lr, lr\n"
#define B0(x) ADD("r9", x)
#define B1(x) ADD("r10", x)
#define B2(x) ADD("r11", x)
#define B3(x) ADD("r12", x)

/* A row and a pair of channels, `at` bytes behind the window's address in r1. */
#define STEP(at)                                                                                   \
    "ldr r2, [r1, #" at "+4]\n ldr r3, [r1, #" at "+8]\n ldr r4, [r1, #" at "+12]\n"               \
    "ldr r1, [r1, #" at "]\n ldr lr, [r0], #4\n"                                                   \
    A("r1", "r2", "r3", "r4") B0("r1") MCU_GET("r1", AT) B1("r2") B2("r3") B3("r4")                \
    "ldr lr, [r0], #4\n ldr r1, [r1, #" at "+16]\n"                                                \
    A("r2", "r3", "r4", "r1") B0("r2") MCU_GET("r2", AT) B1("r3") B2("r4") B3("r1")                \
    "ldr lr, [r0], #4\n ldr r2, [r2, #" at "+20]\n"                                                \
    A("r3", "r4", "r1", "r2") B2("r1") MCU_GET("r1", AT) B0("r3") B1("r4") B3("r2")

#define EACH(op, p, q, r, s)                                                                       \
    op(p) op(q) op(r) op(s)
#define MINUS_B(a, b) "sub " a ", " b "\n"
#define TIMES_256(sum) "lsl " sum ", #8\n"
#define FIXED_A(sum) "smmla " sum ", " sum ", r1, r2\n ssat " sum ", #8, " sum ", asr #13\n"
#define FIXED_B(sum) "smmla " sum ", " sum ", r3, r4\n ssat " sum ", #8, " sum ", asr #13\n"
#define TWICE(sum) "lsl " sum ", #1\n"
#define HALF_OF_256(sum) "asr " sum ", #7\n"
/* x + offset in one, then the sign of S instead of that of x: where these differ x is 0, and offset
 * - 1 is shifted to what offset is, the offset being an odd multiple of 2^(shift - 1). */
#define GENERAL(sum)                                                                               \
    "smmlar r4, " sum ", r1, r2\n add " sum ", r4, " sum ", asr #31\n"                             \
    "asr " sum ", r3\n ssat " sum ", #8, " sum "\n"

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        "1:\n"
        "ldr r5, [r0], #4\n ldr r9, [r0], #4\n"
        MCU_GET("r1", WINDOW)
        "mov r6, r5\n mov r7, r5\n mov r8, r5\n mov r10, r9\n mov r11, r9\n mov r12, r9\n"
        MCU_PUT(AT, "r1")
        ".balign 4\n"
        "2:\n"
        STEP("0") STEP("24") STEP("48") STEP("72") STEP("96") STEP("120")
        "add r1, #144\n"
        MCU_GET("lr", END)
        MCU_PUT(AT, "r1")
        "cmp r1, lr\n bne.w 2b\n"
        MINUS_B("r5", "r9") MINUS_B("r6", "r10") MINUS_B("r7", "r11") MINUS_B("r8", "r12")
        MCU_GET("r1", FORM)
        "cmp r1, #0\n beq.w 4f\n"
        "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"
        EACH(TIMES_256, "r9", "r10", "r11", "r12")
        EACH(FIXED_A, "r5", "r6", "r7", "r8")
        EACH(FIXED_B, "r9", "r10", "r11", "r12")
        "3:\n" /* the low bytes of A and B to the four pixels */
        MCU_GET("r2", OUT_CH) MCU_GET("r1", OUTPUT)
        "bfi r5, r9, #8, #24\n bfi r6, r10, #8, #24\n"
        "add r3, r1, r2\n bfi r7, r11, #8, #24\n add r4, r3, r2\n bfi r8, r12, #8, #24\n"
        "strh r5, [r1], #2\n strh r6, [r3]\n add r3, r4, r2\n strh r7, [r4]\n strh r8, [r3]\n"
        MCU_GET("r2", PAIRS)
        MCU_PUT(OUTPUT, "r1")
        "subs r2, #1\n"
        MCU_PUT(PAIRS, "r2")
        "bne.w 1b\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        "4:\n"
        "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"
        EACH(HALF_OF_256, "r5", "r6", "r7", "r8") EACH(GENERAL, "r5", "r6", "r7", "r8")
        "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"
        EACH(TWICE, "r9", "r10", "r11", "r12") EACH(GENERAL, "r9", "r10", "r11", "r12")
        "b.w 3b\n");
}

/* Four channels of six pixels of a row: 34 cycles. */
MCU_ASSEMBLY_FUNCTION
static void widen(int32_t *window MCU_UNUSED, const int8_t *from MCU_UNUSED,
                  int32_t in_ch MCU_UNUSED, int32_t pitch MCU_UNUSED, int32_t rows MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldr r4, [sp, #36]\n"
        "sub r3, r2\n push {r3, r4}\n" /* from a row's end to the next one, rows */
        "add r12, r2, r2, lsl #1\n add lr, r2, r2, lsl #2\n"
        "sub r0, #48\n"
        "1:\n"
        "mov r11, r2\n"
        ".balign 4\n"
        "2:\n"
        "ldr r5, [r1, r2]\n ldr r6, [r1, r2, lsl #1]\n ldr r7, [r1, r12]\n"
        "ldr r8, [r1, r2, lsl #2]\n ldr r9, [r1, lr]\n ldr r4, [r1], #4\n"
        "sxtb16 r10, r4\n str r10, [r0, #48]!\n"
        "sxtb16 r10, r5\n str r10, [r0, #4]\n sxtb16 r10, r6\n str r10, [r0, #8]\n"
        "sxtb16 r10, r7\n str r10, [r0, #12]\n sxtb16 r10, r8\n str r10, [r0, #16]\n"
        "sxtb16 r10, r9\n str r10, [r0, #20]\n"
        "sxtb16 r4, r4, ror #8\n str r4, [r0, #24]\n sxtb16 r5, r5, ror #8\n str r5, [r0, #28]\n"
        "sxtb16 r6, r6, ror #8\n str r6, [r0, #32]\n sxtb16 r7, r7, ror #8\n str r7, [r0, #36]\n"
        "sxtb16 r8, r8, ror #8\n str r8, [r0, #40]\n sxtb16 r9, r9, ror #8\n str r9, [r0, #44]\n"
        "subs r11, #4\n bne.w 2b\n"
        "pop {r3, r4}\n add r1, r3\n subs r4, #1\n push {r3, r4}\n"
        "bne.w 1b\n"
        "add sp, #8\n pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */
static void core(const int32_t *stream, const core_args *args) {
    const int32_t constants = args->fixed ? 2 : 3;
    for (int32_t pair = 0; pair < args->pairs; pair++) {
        int32_t a[PIXELS];
        int32_t b[PIXELS];
        for (int32_t p = 0; p < PIXELS; p++) {
            a[p] = stream[0];
            b[p] = stream[1];
        }
        stream += 2;
        for (const int32_t *x = args->window; x != args->window_end; x += COLUMNS) {
            for (int32_t k = 0; k < 3; k++, stream++) {
                const int32_t low = mcu_sxtb16(*stream);
                for (int32_t p = 0; p < PIXELS; p++) {
                    a[p] = mcu_smlad(*stream, x[k + p], a[p]);
                    b[p] = mcu_smlad(low, x[k + p], b[p]);
                }
            }
        }
        for (int32_t p = 0; p < PIXELS; p++) {
            int8_t *const to = args->output + p * args->out_ch + 2 * pair;
            to[0] = mcu_times_256(mcu_sub_wrap(a[p], b[p]), stream, args->fixed);
            to[1] = mcu_times_256(mcu_shift_left(b[p], 8), stream + constants, args->fixed);
        }
        stream += 2 * constants;
    }
}

/* Rows, `pitch` bytes apart, of six pixels of in_ch bytes, as int16: of each four channels 0 and 2,
 * then 1 and 3. */
static void widen(int32_t *window, const int8_t *from, int32_t in_ch, int32_t pitch, int32_t rows) {
    for (; rows > 0; rows--, from += pitch) {
        for (int32_t c = 0; c < in_ch; c += 4, window += 2 * COLUMNS) {
            for (int32_t x = 0; x < COLUMNS; x++) {
                const int32_t bytes = mcu_load4(from + x * in_ch + c);
                window[x] = mcu_sxtb16(bytes);
                window[COLUMNS + x] = mcu_sxtb16_odd(bytes);
            }
        }
    }
}

#endif

/* Every `step`th of `count` words. */
static void set(int32_t *to, int32_t value, int32_t count, int32_t step) {
    for (; count > 0; count--, to += step) {
        *to = value;
    }
}

/* Fills the window at row y, column x of an image, which may begin or end one pixel outside.
 *
 * Six pixels of the image are widened in any case. At a border their place is one word beside that
 * of the window; what they leave in the first or last column is then overwritten. */
static void fill(int32_t *window, const int8_t *image, int32_t y, int32_t x,
                 const mcu_conv2d_3x3_s8_dsp_params *p) {
    const int32_t words = COLUMNS * p->in_ch / 2; /* of a row */
    const int32_t top = mcu_clamp(-y, 0, ROWS);
    const int32_t bottom = mcu_clamp(p->in_h - y, top, ROWS);
    const int32_t from = mcu_clamp(x, 0, p->in_w - COLUMNS);
    const int32_t outside = mcu_lanes(p->input_zero_point, p->input_zero_point);
    if (top < bottom) {
        widen(window + top * words + (from - x), image + ((y + top) * p->in_w + from) * p->in_ch,
              p->in_ch, p->in_w * p->in_ch, bottom - top);
    }
    if (from != x) {
        set(window + ((from > x) ? 0 : COLUMNS - 1), outside, ROWS * words / COLUMNS, COLUMNS);
    }
    set(window, outside, top * words, 1);
    set(window + bottom * words, outside, (ROWS - bottom) * words, 1);
}

void mcu_conv2d_3x3_s8_dsp(const mcu_conv2d_3x3_s8_dsp_params *params, const int8_t *input,
                           int8_t *output, void *scratch) {
    const mcu_conv2d_3x3_s8_dsp_params *const p = params;
    int32_t *const window = (int32_t *)scratch + 1; /* a word before and behind it is lost */
    core_args args = {
        .at = window,
        .window_end = window + ROWS * COLUMNS * p->in_ch / 2,
        .window = window,
        .output = output,
        .out_ch = p->out_ch,
        .fixed = p->fixed,
        .pairs = p->out_ch / 2,
        .unused = 0,
    };
    const int8_t *image = input;
    for (int32_t batch = 0; batch < p->batch; batch++) {
        for (int32_t row = 0; row < p->out_h; row++) {
            for (int32_t next = 0; next < p->out_w; next += PIXELS) {
                /* The last step of a row begins again where there are four pixels. */
                const int32_t column = (next < p->out_w - PIXELS) ? next : p->out_w - PIXELS;
                fill(window, image, row - p->pad_top, column - p->pad_left, p);
                args.output = output + (row * p->out_w + column) * p->out_ch;
                core(p->stream, &args);
            }
        }
        image += p->in_h * p->in_w * p->in_ch;
        output += p->out_h * p->out_w * p->out_ch;
    }
}
