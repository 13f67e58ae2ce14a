/* mcu_conv2d_3x3_stack_s8_dsp.c: 3x3 convolution on int8, stride 1, with the window on the stack.
 *
 * Four neighbours of a row see three rows of six input pixels x0 to x5. Of 16 channels at a time
 * they are widened to int16: [row][channel pair][x0 .. x5], a word holding two channels of a pixel.
 * Column k of the weights meets x(k) x(k+1) x(k+2) x(k+3): six loads serve twelve products of each
 * pair of output channels with two input channels. The core reads the window relative to the stack
 * pointer, which saves a register, and with it what mcu_conv2d_3x3_s8_dsp spends on reloading the
 * address: 39 cycles for 48 products. All 24 steps of 16 channels are unrolled.
 *
 * Two output channels A and B share a weight word: its lanes hold 256 * wA + wB for two taps.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias. Sums of
 * fewer than all input channels wait in scratch: eight words for each two output channels.
 *
 * Requantization, FIXED: SSAT((hi(256 * S * multiplier) + offset) >> 13), where that is proved to
 * give the reference's value for all sums that each channel can reach. Otherwise GENERAL, with x =
 * hi(2 * S * multiplier), rounded: SSAT((x - (x < 0) + offset) >> shift).
 *
 * The stream holds, for each 16 input channels, for each two output channels:
 *     256 * bias_A + bias_B, bias_B for the first input channels
 *     per row and pair of input channels: lanes of A and B for columns 0, 1, 2
 *     per channel: multiplier, offset and, for GENERAL, shift, for the last input channels
 * Registers: r0 stream, r1-r4 pixels, lr weights, r5-r8 sums of A, r9-r12 sums of B.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_3x3_stack_s8_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"
#include "mcu_times_256.h"

enum {
    ROWS = 3,
    PIXELS = 4,  /* of the output */
    COLUMNS = 6, /* of the window */
    DEPTH = 16,  /* input channels */
    ROW_WORDS = COLUMNS * DEPTH / 2,
    WORDS = ROWS * ROW_WORDS,
    SUMS = 2 * PIXELS
};

/* How the sums of a pass end. */
enum { GENERAL_END, FIXED_END, KEPT };

/* What a pass needs: four pixels, 16 input channels, all output channels. The first eight words are
 * the state of mcu_state.h. */
typedef struct {
    const int32_t *begin; /* kept sums, or NULL to begin with biases */
    int32_t *keep;        /* where sums are kept */
    int8_t *output;       /* of the first pixel */
    int32_t out_ch;
    int32_t end;
    int32_t pairs; /* of output channels, 1 or more */
    int32_t unused[2];
    const mcu_conv2d_3x3_stack_s8_dsp_params *p;
    const int8_t *image; /* from the first of the 16 channels on */
    int32_t y;           /* of the window, which may begin or end one pixel outside */
    int32_t x;
} pass_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* Four channels of six pixels of a row: 34 cycles. */
MCU_ASSEMBLY_FUNCTION
static void widen(int32_t *window MCU_UNUSED, const int8_t *from MCU_UNUSED,
                  int32_t in_ch MCU_UNUSED, int32_t pitch MCU_UNUSED, int32_t rows MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldr r11, [sp, #36]\n" /* rows; above them, quarters of a row */
        "sub r3, #16\n" /* from a row's end to the next one */
        "add r12, r2, r2, lsl #1\n add lr, r2, r2, lsl #2\n"
        "sub r0, #48\n"
        ".balign 4\n"
        "1:\n"
        "ldr r5, [r1, r2]\n ldr r6, [r1, r2, lsl #1]\n ldr r7, [r1, r12]\n"
        "ldr r8, [r1, r2, lsl #2]\n ldr r9, [r1, lr]\n ldr r4, [r1], #4\n"
        "sxtb16 r10, r4\n str r10, [r0, #48]!\n"
        "sxtb16 r10, r5\n str r10, [r0, #4]\n sxtb16 r10, r6\n str r10, [r0, #8]\n"
        "sxtb16 r10, r7\n str r10, [r0, #12]\n sxtb16 r10, r8\n str r10, [r0, #16]\n"
        "sxtb16 r10, r9\n str r10, [r0, #20]\n"
        "sxtb16 r4, r4, ror #8\n str r4, [r0, #24]\n sxtb16 r5, r5, ror #8\n str r5, [r0, #28]\n"
        "sxtb16 r6, r6, ror #8\n str r6, [r0, #32]\n sxtb16 r7, r7, ror #8\n str r7, [r0, #36]\n"
        "sxtb16 r8, r8, ror #8\n str r8, [r0, #40]\n sxtb16 r9, r9, ror #8\n str r9, [r0, #44]\n"
        "adds r11, #0x40000000\n bcc.w 1b\n"
        "add r1, r3\n subs r11, #1\n bne.w 1b\n"
        "pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

/* Rows, `pitch` bytes apart, of six pixels of in_ch bytes, as int16: of each four of 16 channels 0
 * and 2, then 1 and 3. */
static void widen(int32_t *window, const int8_t *from, int32_t in_ch, int32_t pitch, int32_t rows) {
    for (; rows > 0; rows--, from += pitch) {
        for (int32_t c = 0; c < DEPTH; c += 4, window += 2 * COLUMNS) {
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

/* Fills the window of a pass.
 *
 * Six pixels of the image are widened in any case. At a border their place is one word beside that
 * of the window; what they leave in the first or last column is then overwritten. */
MCU_CALLED_BY_ASSEMBLY
static void fill_window(const pass_args *args, int32_t *window) {
    const mcu_conv2d_3x3_stack_s8_dsp_params *const p = args->p;
    const int32_t y = args->y;
    const int32_t x = args->x;
    const int32_t pitch = p->in_w * p->in_ch;
    if (y >= 0 && y + ROWS <= p->in_h && x >= 0 && x + COLUMNS <= p->in_w) {
        widen(window, args->image + y * pitch + x * p->in_ch, p->in_ch, pitch, ROWS);
        return;
    }
    const int32_t top = mcu_clamp(-y, 0, ROWS);
    const int32_t bottom = mcu_clamp(p->in_h - y, top, ROWS);
    const int32_t from = mcu_clamp(x, 0, p->in_w - COLUMNS);
    const int32_t outside = mcu_lanes(p->input_zero_point, p->input_zero_point);
    if (top < bottom) {
        widen(window + top * ROW_WORDS + (from - x),
              args->image + (y + top) * pitch + from * p->in_ch, p->in_ch, pitch, bottom - top);
    }
    if (from != x) {
        set(window + ((from > x) ? 0 : COLUMNS - 1), outside, WORDS / COLUMNS, COLUMNS);
    }
    set(window, outside, top * ROW_WORDS, 1);
    set(window + bottom * ROW_WORDS, outside, (ROWS - bottom) * ROW_WORDS, 1);
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define BEGIN "0"
#define KEEP "1"
#define OUTPUT "2"
#define OUT_CH "3"
#define END "4"
#define PAIRS "5"

/* Where the window lies: behind the state, if that is on the stack, and a word that is lost. */
#if defined(__ARM_FP)
#define WINDOW "4"
#else
#define WINDOW "36"
#endif

#define ADD(sum, x) "smlad " sum ", lr, " x ", " sum "\n"
#define TIMES(x0, x1, x2, x3)                                                                      \
    ADD("r5", x0) ADD("r6", x1) ADD("r7", x2) ADD("r8", x3) "sxtb16 lr, lr\n"                      \
    ADD("r9", x0) ADD("r10", x1) ADD("r11", x2) ADD("r12", x3)
#define X(reg, at) "ldr " reg ", [sp, #" WINDOW "+" at "]\n"

/* A row and a pair of channels, `at` bytes on in the window. */
#define STEP(at)                                                                                   \
    X("r1", at) X("r2", at "+4") X("r3", at "+8") X("r4", at "+12") "ldr lr, [r0], #4\n"           \
    TIMES("r1", "r2", "r3", "r4")                                                                  \
    "ldr lr, [r0], #4\n" X("r1", at "+16") TIMES("r2", "r3", "r4", "r1")                           \
    "ldr lr, [r0], #4\n" X("r2", at "+20") TIMES("r3", "r4", "r1", "r2")
#define ROW(at)                                                                                    \
    STEP(at) STEP(at "+24") STEP(at "+48") STEP(at "+72") STEP(at "+96") STEP(at "+120")           \
    STEP(at "+144") STEP(at "+168")

#define EACH(op, p, q, r, s)                                                                       \
    op(p) op(q) op(r) op(s)
#define MINUS_B(a, b) "sub " a ", " b "\n"
#define TIMES_256(sum) "lsl " sum ", #8\n"
#define FIXED_A(sum) "smmla " sum ", " sum ", r1, r2\n ssat " sum ", #8, " sum ", asr #13\n"
#define FIXED_B(sum) "smmla " sum ", " sum ", r3, r4\n ssat " sum ", #8, " sum ", asr #13\n"
#define TWICE(sum) "lsl " sum ", #1\n"
#define HALF_OF_256(sum) "asr " sum ", #7\n"
#define GENERAL(sum)                                                                               \
    "smmulr " sum ", " sum ", r1\n add " sum ", " sum ", " sum ", asr #31\n"                       \
    "add " sum ", r2\n asr " sum ", r3\n ssat " sum ", #8, " sum "\n"

/* A pass; returns where the stream goes on. */
MCU_ASSEMBLY_FUNCTION
static const int32_t *pass(const int32_t *stream MCU_UNUSED, const pass_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n sub sp, #588\n"
        "mov r4, r0\n mov r5, r1\n mov r0, r1\n add r1, sp, #4\n"
        "bl fill_window\n"
        "mov r0, r4\n mov r1, r5\n"
        MCU_STATE_ENTER
        ".balign 4\n"
        "1:\n"
        MCU_GET("r1", BEGIN)
        "cmp r1, #0\n bne.w 6f\n"
        "ldr r5, [r0], #4\n ldr r9, [r0], #4\n"
        "mov r6, r5\n mov r7, r5\n mov r8, r5\n mov r10, r9\n mov r11, r9\n mov r12, r9\n"
        "2:\n"
        ROW("0") ROW("192") ROW("384")
        MCU_GET("r1", END)
        "cmp r1, #1\n bne.w 5f\n"
        MINUS_B("r5", "r9") MINUS_B("r6", "r10") MINUS_B("r7", "r11") MINUS_B("r8", "r12")
        "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"
        EACH(TIMES_256, "r9", "r10", "r11", "r12")
        EACH(FIXED_A, "r5", "r6", "r7", "r8")
        EACH(FIXED_B, "r9", "r10", "r11", "r12")
        "3:\n" /* the low bytes of A and B to the four pixels */
        MCU_GET("r2", OUT_CH) MCU_GET("r1", OUTPUT)
        "bfi r5, r9, #8, #24\n bfi r6, r10, #8, #24\n"
        "add r3, r1, r2\n bfi r7, r11, #8, #24\n add r4, r3, r2\n bfi r8, r12, #8, #24\n"
        "strh r5, [r1], #2\n strh r6, [r3]\n add r3, r4, r2\n strh r7, [r4]\n strh r8, [r3]\n"
        MCU_PUT(OUTPUT, "r1")
        "4:\n"
        MCU_GET("r2", PAIRS)
        "subs r2, #1\n"
        MCU_PUT(PAIRS, "r2")
        "bne.w 1b\n"
        MCU_STATE_LEAVE
        "add sp, #588\n pop {r4-r11, pc}\n"
        "5:\n"
        "bhi.w 7f\n"
        MINUS_B("r5", "r9") MINUS_B("r6", "r10") MINUS_B("r7", "r11") MINUS_B("r8", "r12")
        "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"
        EACH(HALF_OF_256, "r5", "r6", "r7", "r8") EACH(GENERAL, "r5", "r6", "r7", "r8")
        "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n"
        EACH(TWICE, "r9", "r10", "r11", "r12") EACH(GENERAL, "r9", "r10", "r11", "r12")
        "b.w 3b\n"
        "6:\n" /* kept sums */
        "ldm r1!, {r5-r12}\n"
        MCU_PUT(BEGIN, "r1")
        "b.w 2b\n"
        "7:\n"
        MCU_GET("r1", KEEP)
        "stm r1!, {r5-r12}\n"
        MCU_PUT(KEEP, "r1")
        "b.w 4b\n");
}

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */
static const int32_t *pass(const int32_t *stream, const pass_args *args) {
    const int32_t fixed = (args->end == FIXED_END) ? 1 : 0;
    const int32_t constants = (fixed != 0) ? 2 : 3;
    int32_t words[WORDS + 2]; /* a word before and behind the window is lost */
    int32_t *const window = words + 1;
    fill_window(args, window);
    for (int32_t pair = 0; pair < args->pairs; pair++) {
        int32_t sums[SUMS]; /* of A, of B */
        for (int32_t p = 0; p < SUMS; p++) {
            sums[p] = (args->begin == NULL) ? stream[p / PIXELS] : args->begin[SUMS * pair + p];
        }
        stream += (args->begin == NULL) ? 2 : 0;
        for (const int32_t *x = window; x != window + WORDS; x += COLUMNS) {
            for (int32_t k = 0; k < 3; k++, stream++) {
                const int32_t low = mcu_sxtb16(*stream);
                for (int32_t p = 0; p < PIXELS; p++) {
                    sums[p] = mcu_smlad(*stream, x[k + p], sums[p]);
                    sums[PIXELS + p] = mcu_smlad(low, x[k + p], sums[PIXELS + p]);
                }
            }
        }
        if (args->end == KEPT) {
            for (int32_t p = 0; p < SUMS; p++) {
                args->keep[SUMS * pair + p] = sums[p];
            }
            continue;
        }
        for (int32_t p = 0; p < PIXELS; p++) {
            int8_t *const to = args->output + p * args->out_ch + 2 * pair;
            const int32_t b = sums[PIXELS + p];
            to[0] = mcu_times_256(mcu_sub_wrap(sums[p], b), stream, fixed);
            to[1] = mcu_times_256(mcu_shift_left(b, 8), stream + constants, fixed);
        }
        stream += 2 * constants;
    }
    return stream;
}

#endif

void mcu_conv2d_3x3_stack_s8_dsp(const mcu_conv2d_3x3_stack_s8_dsp_params *params,
                                 const int8_t *input, int8_t *output, void *scratch) {
    const mcu_conv2d_3x3_stack_s8_dsp_params *const p = params;
    pass_args args = {.keep = scratch, .out_ch = p->out_ch, .pairs = p->out_ch / 2, .p = p};
    const int8_t *image = input;
    for (int32_t batch = 0; batch < p->batch; batch++) {
        for (int32_t row = 0; row < p->out_h; row++) {
            for (int32_t next = 0; next < p->out_w; next += PIXELS) {
                /* The last step of a row begins again where there are four pixels. */
                const int32_t column = (next < p->out_w - PIXELS) ? next : p->out_w - PIXELS;
                const int32_t *stream = p->stream;
                args.y = row - p->pad_top;
                args.x = column - p->pad_left;
                args.output = output + (row * p->out_w + column) * p->out_ch;
                args.begin = NULL;
                for (int32_t channel = 0; channel < p->in_ch; channel += DEPTH) {
                    args.image = image + channel;
                    args.end = (channel + DEPTH < p->in_ch) ? KEPT
                               : (p->fixed != 0)            ? FIXED_END
                                                            : GENERAL_END;
                    stream = pass(stream, &args);
                    args.begin = scratch;
                }
            }
        }
        image += p->in_h * p->in_w * p->in_ch;
        output += p->out_h * p->out_w * p->out_ch;
    }
}
