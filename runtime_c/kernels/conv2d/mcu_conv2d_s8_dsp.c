/* mcu_conv2d_s8_dsp.c: 2-D convolution on int8, four output channels of two pixels at a time.
 *
 * The windows of two pixels are widened to int16 in scratch, padding filled in; K is their length,
 * kernel_h * kernel_w * in_ch rounded up to a multiple of 4. The core multiplies them with all
 * output channels.
 *
 * Two channels A and B share a weight word: its lanes hold 256 * wA + wB for two taps.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias.
 *
 * Per two taps: 4 loads (5 cycles on a Cortex-M4), 8 SMLAD, 2 SXTB16: 15 cycles for 16
 * products. The stream holds, for each four channels A B C D, in the order of reading:
 *     256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
 *     per two taps: lanes of A and B, lanes of C and D
 *     per channel: multiplier, offset, shift
 *
 * Registers: r0 stream, r1 window, r2 r3 weights, r4 lr pixels, r5-r12 the eight sums.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_s8_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"

enum { UNROLL = 16, STEP_BYTES = 56, OUTPUTS = 4 };

/* What the core needs for two pixels. */
typedef struct {
    int8_t *output;        /* of the first pixel */
    int8_t *output2;       /* of the second pixel */
    const int32_t *window; /* a word of each pixel in turn */
    const int32_t *window_end;
    int32_t skip;   /* bytes of unrolled code to skip in the first round */
    int32_t groups; /* of four channels, 1 or more */
    int32_t clamped;
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* One channel of two pixels: p, q hold 256 * S or, for GENERAL, 2 * S. */
#define CONSTANTS "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"
#define STORE(p, q)                                                                                \
    "asrs " p ", " p ", r4\n asrs " q ", " q ", r4\n"                                              \
    "ssat " p ", #8, " p "\n ssat " q ", #8, " q "\n"                                              \
    "strb " p ", [r1], #1\n strb " q ", [lr], #1\n"
#define CLAMPED(p, q)                                                                              \
    CONSTANTS "smmla " p ", " p ", r2, r3\n smmla " q ", " q ", r2, r3\n" STORE(p, q)
#define GENERAL(p, q)                                                                              \
    CONSTANTS "smmulr " p ", " p ", r2\n smmulr " q ", " q ", r2\n"                                \
              "add " p ", " p ", " p ", asr #31\n add " q ", " q ", " q ", asr #31\n"              \
              "add " p ", r3\n add " q ", r3\n" STORE(p, q)
#define TWICE(p, q) "lsl " p ", #1\n lsl " q ", #1\n"
#define TIMES_256(p, q) "lsl " p ", #8\n lsl " q ", #8\n"
#define HALF_OF_256(p, q) "asr " p ", #7\n asr " q ", #7\n"
#define NEXT                                                                                       \
    "ldr r2, [sp, #20]\n str r1, [sp, #0]\n str lr, [sp, #4]\n"                                    \
    "subs r2, #1\n str r2, [sp, #20]\n bne.w 1b\n"                                                \
    "add sp, #28\n pop {r4-r11, pc}\n"
#define SPLIT(p, q, r, s) "sub " p ", " r "\n sub " q ", " s "\n"

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldm r1, {r2-r8}\n"
        "push {r2-r8}\n" /* sp: output, output2, window, window_end, skip, groups, clamped */
        "1:\n"
        "ldr r5, [r0], #4\n ldr r7, [r0], #4\n ldr r9, [r0], #4\n ldr r11, [r0], #4\n"
        "ldr r1, [sp, #8]\n ldr r2, [sp, #16]\n"
        "mov r6, r5\n mov r8, r7\n mov r10, r9\n mov r12, r11\n"
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of step 0 */
        "2:\n"
        ".rept 16\n"
        "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r1], #4\n ldr lr, [r1], #4\n"
        "smlad r5, r2, r4, r5\n smlad r6, r2, lr, r6\n"
        "smlad r9, r3, r4, r9\n smlad r10, r3, lr, r10\n"
        "sxtb16 r2, r2\n sxtb16 r3, r3\n"
        "smlad r7, r2, r4, r7\n smlad r8, r2, lr, r8\n"
        "smlad r11, r3, r4, r11\n smlad r12, r3, lr, r12\n"
        ".endr\n"
        "ldr r2, [sp, #12]\n cmp r1, r2\n bne.w 2b\n"
        "ldr r1, [sp, #0]\n ldr lr, [sp, #4]\n ldr r2, [sp, #24]\n"
        SPLIT("r5", "r6", "r7", "r8") SPLIT("r9", "r10", "r11", "r12")
        "cmp r2, #0\n beq.w 3f\n"
        CLAMPED("r5", "r6") TIMES_256("r7", "r8") CLAMPED("r7", "r8")
        CLAMPED("r9", "r10") TIMES_256("r11", "r12") CLAMPED("r11", "r12")
        NEXT
        "3:\n"
        HALF_OF_256("r5", "r6") GENERAL("r5", "r6") TWICE("r7", "r8") GENERAL("r7", "r8")
        HALF_OF_256("r9", "r10") GENERAL("r9", "r10") TWICE("r11", "r12") GENERAL("r11", "r12")
        NEXT);
}

/* Loads eight bytes, stores eight taps: 14 cycles. */
MCU_ASSEMBLY_FUNCTION
static void widen(int32_t *window MCU_UNUSED, const int8_t *from MCU_UNUSED,
                  int32_t count MCU_UNUSED, int32_t rows MCU_UNUSED, int32_t pitch MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r8, lr}\n"
        "ldr r12, [sp, #24]\n sub r12, r2\n" /* from the end of a row to the next one */
        "1:\n"
        "subs r4, r2, #8\n blt 3f\n"
        "2:\n"
        "ldr r5, [r1], #4\n ldr r7, [r1], #4\n subs r4, #8\n"
        "sxtb16 r6, r5, ror #8\n sxtb16 r5, r5\n sxtb16 r8, r7, ror #8\n sxtb16 r7, r7\n"
        "str r6, [r0, #8]\n str r7, [r0, #16]\n str r8, [r0, #24]\n str r5, [r0], #32\n"
        "bge 2b\n"
        "3:\n"
        "tst r2, #4\n beq 4f\n"
        "ldr r5, [r1], #4\n"
        "sxtb16 r6, r5, ror #8\n sxtb16 r5, r5\n"
        "str r6, [r0, #8]\n str r5, [r0], #16\n"
        "4:\n"
        "add r1, r12\n subs r3, #1\n bne 1b\n"
        "pop {r4-r8, pc}\n");
}

/* clang-format on */

#else

static int8_t requantize(int32_t times_256, const int32_t *constants, int32_t clamped) {
    if (clamped) {
        return mcu_ssat8((mcu_smmul(times_256, constants[0]) + constants[1]) >> constants[2]);
    }
    const int32_t scaled = mcu_smmulr(times_256 >> 7, constants[0]);
    return mcu_ssat8((scaled + (scaled >> 31) + constants[1]) >> constants[2]);
}

/* The same algorithm in C, for machines without these instructions. */
static void core(const int32_t *stream, const core_args *args) {
    int8_t *const outputs[2] = {args->output, args->output2};
    for (int32_t group = 0; group < args->groups; group++) {
        int32_t sums[4][2]; /* channel, pixel */
        for (int32_t c = 0; c < 4; c++) {
            sums[c][0] = sums[c][1] = *stream;
            stream++;
        }
        for (const int32_t *x = args->window; x != args->window_end; x += 2, stream += 2) {
            for (int32_t pair = 0; pair < 2; pair++) {
                const int32_t low = mcu_sxtb16(stream[pair]);
                for (int32_t p = 0; p < 2; p++) {
                    sums[2 * pair][p] = mcu_smlad(stream[pair], x[p], sums[2 * pair][p]);
                    sums[2 * pair + 1][p] = mcu_smlad(low, x[p], sums[2 * pair + 1][p]);
                }
            }
        }
        for (int32_t c = 0; c < 4; c++, stream += 3) {
            for (int32_t p = 0; p < 2; p++) {
                const int32_t times_256 = (c % 2 == 0) ? mcu_sub_wrap(sums[c][p], sums[c + 1][p])
                                                       : mcu_shift_left(sums[c][p], 8);
                outputs[p][OUTPUTS * group + c] = requantize(times_256, stream, args->clamped);
            }
        }
    }
}

/* Rows of `count` bytes, `pitch` apart, as int16: of each four, 0 and 2, then 1 and 3, two words
 * on. The count is a multiple of 4. */
static void widen(int32_t *window, const int8_t *from, int32_t count, int32_t rows, int32_t pitch) {
    for (; rows > 0; rows--, from += pitch) {
        for (int32_t i = 0; i < count; i += 4, window += 4) {
            window[0] = mcu_sxtb16(mcu_load4(from + i));
            window[2] = mcu_sxtb16_odd(mcu_load4(from + i));
        }
    }
}

#endif

/* ---- the windows */

/* An output pixel. */
typedef struct {
    const int8_t *image; /* of the batch */
    int32_t row;
    int32_t column;
} position;

static void advance(position *at, const mcu_conv2d_s8_dsp_params *p) {
    at->column++;
    if (at->column == p->out_w) {
        at->column = 0;
        at->row++;
        if (at->row == p->out_h) {
            at->row = 0;
            at->image += p->in_h * p->in_w * p->in_ch;
        }
    }
}

/* Copies `rows` rows of `count` bytes. */
static void copy(int8_t *to, int32_t to_pitch, const int8_t *from, int32_t from_pitch,
                 int32_t count, int32_t rows) {
    for (; rows > 0; rows--, to += to_pitch, from += from_pitch) {
        if (count >= 4) {
            for (int32_t i = 0; i < count - 4; i += 4) {
                mcu_store4(to + i, mcu_load4(from + i));
            }
            mcu_store4(to + count - 4, mcu_load4(from + count - 4)); /* may overlap */
        } else {
            for (int32_t i = 0; i < count; i++) {
                to[i] = from[i];
            }
        }
    }
}

/* A stretch of one axis of a window: taps [begin, end) lie on the input. */
typedef struct {
    int32_t begin;
    int32_t end;
} taps;

static taps clip(int32_t origin, int32_t kernel, int32_t size) {
    const int32_t begin = mcu_clamp(-origin, 0, kernel);
    const taps t = {begin, mcu_clamp(size - origin, begin, kernel)};
    return t;
}

/* Collects a window that may lie outside of the image in part. */
static void gather(int8_t *to, const int8_t *image, int32_t y, int32_t x,
                   const mcu_conv2d_s8_dsp_params *p) {
    const taps rows = clip(y, p->kernel_h, p->in_h);
    const taps columns = clip(x, p->kernel_w, p->in_w);
    const int32_t length = p->kernel_w * p->in_ch;
    (void)memset(to, p->input_zero_point, (size_t)(p->kernel_h * length));
    copy(to + rows.begin * length + columns.begin * p->in_ch, length,
         image + ((y + rows.begin) * p->in_w + x + columns.begin) * p->in_ch, p->in_w * p->in_ch,
         (columns.end - columns.begin) * p->in_ch, rows.end - rows.begin);
}

static void fill(int32_t *window, int8_t *bytes, const position *at,
                 const mcu_conv2d_s8_dsp_params *p) {
    const int32_t y = at->row * p->stride_h - p->pad_top;
    const int32_t x = at->column * p->stride_w - p->pad_left;
    const int32_t length = p->kernel_w * p->in_ch;
    const int32_t pitch = p->in_w * p->in_ch;
    const int inside = y >= 0 && x >= 0 && y + p->kernel_h <= p->in_h && x + p->kernel_w <= p->in_w;
    if (inside && p->in_ch % 4 == 0) {
        widen(window, at->image + y * pitch + x * p->in_ch, length, p->kernel_h, pitch);
        return;
    }
    if (inside) {
        copy(bytes, length, at->image + y * pitch + x * p->in_ch, pitch, length, p->kernel_h);
    } else {
        gather(bytes, at->image, y, x, p);
    }
    const int32_t count = p->kernel_h * length;
    mcu_store4(bytes + count, 0); /* up to a multiple of 4; the weights there are zero */
    widen(window, bytes, (count + 3) & ~3, 1, 0);
}

/* The last channels where they are not a multiple of four; `args` as for the other groups. */
static void last_channels(const int32_t *stream, core_args args, int32_t done, int32_t count) {
    int8_t spare[2][OUTPUTS];
    int8_t *const to = args.output + done;
    const int32_t pitch = (int32_t)(args.output2 - args.output);
    args.output = spare[0];
    args.output2 = spare[1];
    args.groups = 1;
    core(stream, &args);
    copy(to, pitch, spare[0], OUTPUTS, count, 2);
}

void mcu_conv2d_s8_dsp(const mcu_conv2d_s8_dsp_params *params, const int8_t *input, int8_t *output,
                       void *scratch) {
    const mcu_conv2d_s8_dsp_params *const p = params;
    const int32_t pixels = p->batch * p->out_h * p->out_w;
    const int32_t steps = (p->kernel_h * p->kernel_w * p->in_ch + 3) / 4 * 2; /* of two taps */
    const int32_t groups = p->out_ch / OUTPUTS;
    const int32_t rest = p->out_ch % OUTPUTS;
    int32_t *const window = scratch;
    int8_t *const bytes = (int8_t *)(window + 2 * steps);
    const int pointwise = p->kernel_h * p->kernel_w * p->stride_h * p->stride_w == 1 &&
                          p->in_ch % 4 == 0; /* windows lie side by side in the input */
    position at = {input, 0, 0};
    core_args args = {
        .output = output,
        .window = window,
        .window_end = window + 2 * steps,
        .skip = STEP_BYTES * ((UNROLL - steps % UNROLL) % UNROLL),
        .groups = groups,
        .clamped = p->clamped,
    };

    for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
        /* A last pixel without a partner is its own: the same bytes are written twice. */
        const int paired = pixel + 1 < pixels;
        if (pointwise) {
            const int8_t *const source = input + pixel * p->in_ch;
            widen(window, source, p->in_ch, 1, 0);
            widen(window + 1, source + (paired ? p->in_ch : 0), p->in_ch, 1, 0);
        } else {
            fill(window, bytes, &at, p);
            if (paired) {
                advance(&at, p);
            }
            fill(window + 1, bytes, &at, p);
            advance(&at, p);
        }
        args.output2 = args.output + (paired ? p->out_ch : 0);
        if (groups > 0) {
            core(p->stream, &args);
        }
        if (rest > 0) {
            const int32_t group_words = 4 + 2 * steps + 12;
            last_channels(p->stream + groups * group_words, args, groups * OUTPUTS, rest);
        }
        args.output = args.output2 + p->out_ch;
    }
}
