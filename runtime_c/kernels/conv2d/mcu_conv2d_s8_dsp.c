/* mcu_conv2d_s8_dsp.c: 2-D convolution on int8, four output channels of two pixels at a time.
 *
 * The windows of two pixels are widened to int16 in scratch, padding filled in, as pairs of taps in
 * one word. A row of the window has L = kernel_w * in_ch taps: of each four the pairs (0, 2) and
 * (1, 3); where L has two more, they are a pair. Where L is odd, the last taps of two rows are a
 * pair, behind all other pairs; the last one of an odd number of rows has a partner of weight 0.
 * The core multiplies both windows with all output channels.
 *
 * Two channels A and B share a weight word: its lanes hold 256 * wA + wB for two taps.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias.
 *
 * Requantization, FIXED: SSAT((hi(256 * S * multiplier) + offset) >> 13), where that is proved to
 * give the reference's value for all sums that each channel can reach. Otherwise GENERAL, with x =
 * hi(2 * S * multiplier), rounded: SSAT((x - (x < 0) + offset) >> shift).
 *
 * The stream holds, for each four channels A B C D, in the order of reading:
 *     256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
 *     per pair of taps: lanes of A and B, lanes of C and D
 *     per channel: multiplier, offset and, for GENERAL, shift
 *
 * On a Cortex-M4 two taps of four channels and two pixels take 4 loads (5 cycles), 8 SMLAD and 2
 * SXTB16: 15 cycles for 16 products; four channels of two pixels take 67 more.
 * Registers: r0 stream, r1 window, r2 r3 weights, r4 lr pixels, r5-r12 the eight sums.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_s8_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"
#include "mcu_times_256.h"

enum { UNROLL = 16, STEP_BYTES = 56, OUTPUTS = 4 };

/* What the core needs for two pixels: the state of mcu_state.h. */
typedef struct {
    const int32_t *window;    /* a word of each pixel in turn */
    const int8_t *window_end; /* two bytes less for GENERAL, which is how the core knows */
    int32_t skip;             /* bytes of unrolled code to skip in the first round */
    int8_t *output;           /* of the first pixel */
    int8_t *output2;          /* of the second pixel */
    int32_t groups;           /* of four channels, 1 or more */
    int32_t fixed;
    int32_t unused;
} core_args;

/* The bytes of two windows: rows of `count`, `pitch` apart. */
typedef struct {
    const int8_t *from;
    const int8_t *from2;
    int32_t count;
    int32_t pitch;
    int32_t pitch2;
    int32_t rows;
} sources;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define WINDOW "0"
#define END "1"
#define SKIP "2"
#define OUTPUT "3"
#define OUTPUT2 "4"
#define GROUPS "5"

/* One channel of two pixels: p, q hold 256 * S or, for GENERAL, 2 * S. r1 and lr are free. */
#define FIXED(p, q, m, c)                                                                          \
    "smmla " p ", " p ", " m ", " c "\n smmla " q ", " q ", " m ", " c "\n"                        \
    "ssat " p ", #8, " p ", asr #13\n ssat " q ", #8, " q ", asr #13\n"
/* x + offset in one, then the sign of S instead of that of x: where these differ x is 0, and offset
 * - 1 is shifted to what offset is, the offset being an odd multiple of 2^(shift - 1). */
#define GENERAL(p, q)                                                                              \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"                                    \
    "smmlar r1, " p ", r2, r3\n smmlar lr, " q ", r2, r3\n"                                        \
    "add " p ", r1, " p ", asr #31\n add " q ", lr, " q ", asr #31\n"                              \
    "asrs " p ", r4\n asrs " q ", r4\n ssat " p ", #8, " p "\n ssat " q ", #8, " q "\n"
#define TWICE(p, q) "lsl " p ", #1\n lsl " q ", #1\n"
#define TIMES_256(p, q) "lsl " p ", #8\n lsl " q ", #8\n"
#define HALF_OF_256(p, q) "asr " p ", #7\n asr " q ", #7\n"
#define SPLIT(p, q, r, s) "sub " p ", " r "\n sub " q ", " s "\n"

/* Two channels of two pixels. */
#define FIXED_PAIR(p, q, r, s)                                                                     \
    "ldr r1, [r0], #4\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"                 \
    TIMES_256(r, s) FIXED(p, q, "r1", "r2") FIXED(r, s, "r3", "r4")
#define GENERAL_PAIR(p, q, r, s) HALF_OF_256(p, q) GENERAL(p, q) TWICE(r, s) GENERAL(r, s)

/* Two taps. The second pixel's sums go on from a, b, c, d. */
#define PRODUCTS(a, b, c, d)                                                                       \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r1], #4\n ldr lr, [r1], #4\n"                 \
    "smlad r6, r2, lr, " a "\n smlad r5, r2, r4, r5\n"                                            \
    "smlad r10, r3, lr, " c "\n smlad r9, r3, r4, r9\n"                                           \
    "sxtb16 r2, r2\n sxtb16 r3, r3\n"                                                             \
    "smlad r8, r2, lr, " b "\n smlad r7, r2, r4, r7\n"                                            \
    "smlad r12, r3, lr, " d "\n smlad r11, r3, r4, r11\n"

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        "1:\n"
        MCU_GET("r1", WINDOW)
        "ldr r5, [r0], #4\n ldr r7, [r0], #4\n ldr r9, [r0], #4\n ldr r11, [r0], #4\n"
        PRODUCTS("r5", "r7", "r9", "r11") /* the second pixel begins with the first one's bias */
        MCU_GET("r2", SKIP)
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of step 0 */
        "2:\n"
        ".rept 16\n"
        PRODUCTS("r6", "r8", "r10", "r12")
        ".endr\n"
        MCU_GET("r2", END)
        "cmp r1, r2\n blo.w 2b\n"
        SPLIT("r5", "r6", "r7", "r8") SPLIT("r9", "r10", "r11", "r12")
        "bne.w 4f\n" /* END lies in front of the end for GENERAL */
        FIXED_PAIR("r5", "r6", "r7", "r8") FIXED_PAIR("r9", "r10", "r11", "r12")
        "3:\n"
        MCU_GET("r1", OUTPUT) MCU_GET("lr", OUTPUT2) MCU_GET("r2", GROUPS)
        "strb r5, [r1], #1\n strb r7, [r1], #1\n strb r9, [r1], #1\n strb r11, [r1], #1\n"
        "strb r6, [lr], #1\n strb r8, [lr], #1\n strb r10, [lr], #1\n strb r12, [lr], #1\n"
        "subs r2, #1\n"
        MCU_PUT(OUTPUT, "r1") MCU_PUT(OUTPUT2, "lr") MCU_PUT(GROUPS, "r2")
        "bne.w 1b\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        "4:\n"
        GENERAL_PAIR("r5", "r6", "r7", "r8") GENERAL_PAIR("r9", "r10", "r11", "r12")
        "b.w 3b\n");
}

/* The bytes of a word, `at` bytes on in the window. */
#define FIRST(w, at) "sxtb16 r12, " w "\n str r12, [r0, #" at "]\n"
#define SECOND(w, at) "sxtb16 " w ", " w ", ror #8\n str " w ", [r0, #" at "]\n"
#define EIGHT                                                                                      \
    "ldr r5, [r1], #4\n ldr r6, [r1], #4\n ldr r7, [r2], #4\n ldr r8, [r2], #4\n"                 \
    FIRST("r7", "4") SECOND("r7", "12") FIRST("r6", "16") FIRST("r8", "20")                        \
    SECOND("r6", "24") SECOND("r8", "28") FIRST("r5", "0") SECOND("r5", "8") "add r0, #32\n"

/* 24 cycles for 8 bytes of each pixel. */
MCU_ASSEMBLY_FUNCTION
static void widen(int32_t *window MCU_UNUSED, const sources *of MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldm r1, {r1-r3, r9, r11, lr}\n"
        "bic r4, r3, #1\n sub r9, r4\n sub r11, r4\n" /* from a row's end to the next one */
        "mov r10, lr\n"
        "1:\n"
        "subs r4, r3, #8\n blt 3f\n"
        ".balign 4\n"
        "2:\n"
        EIGHT
        "subs r4, #8\n bge 2b\n"
        "3:\n"
        "tst r3, #4\n beq 4f\n"
        "ldr r5, [r1], #4\n ldr r7, [r2], #4\n"
        FIRST("r5", "0") FIRST("r7", "4") SECOND("r5", "8") SECOND("r7", "12")
        "add r0, #16\n"
        "4:\n"
        "tst r3, #2\n beq 5f\n"
        "ldrsh r5, [r1], #2\n ldrsh r7, [r2], #2\n"
        "sxtb r6, r5\n asr r5, #8\n pkhbt r5, r6, r5, lsl #16\n"
        "sxtb r8, r7\n asr r7, #8\n pkhbt r7, r8, r7, lsl #16\n"
        "str r7, [r0, #4]\n str r5, [r0], #8\n"
        "5:\n"
        "add r1, r9\n add r2, r11\n subs lr, #1\n bne 1b\n"
        "tst r3, #1\n beq 8f\n"
        /* the last bytes of two rows */
        "bic r4, r3, #1\n add r9, r4\n add r11, r4\n"
        "mls r1, r10, r9, r1\n mls r2, r10, r11, r2\n add r1, r4\n add r2, r4\n"
        "6:\n"
        "subs r10, #2\n blt 7f\n"
        "ldrsb r5, [r1]\n ldrsb r6, [r1, r9]\n ldrsb r7, [r2]\n ldrsb r8, [r2, r11]\n"
        "add r1, r1, r9, lsl #1\n add r2, r2, r11, lsl #1\n"
        "pkhbt r5, r5, r6, lsl #16\n pkhbt r7, r7, r8, lsl #16\n"
        "str r7, [r0, #4]\n str r5, [r0], #8\n"
        "bgt 6b\n b 8f\n"
        "7:\n"
        "ldrsb r5, [r1]\n ldrsb r7, [r2]\n str r5, [r0]\n str r7, [r0, #4]\n"
        "8:\n"
        "pop {r4-r11, pc}\n");
}

/* The same for one row of 8, 16, 24 ... bytes. */
MCU_ASSEMBLY_FUNCTION
static void widen_row(int32_t *window MCU_UNUSED, const int8_t *from MCU_UNUSED,
                      const int8_t *from2 MCU_UNUSED, int32_t count MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r8, lr}\n"
        "1:\n"
        EIGHT
        "subs r3, #8\n bgt 1b\n"
        "pop {r4-r8, pc}\n");
}

/* A row of nine bytes: the first eight, and the last one in t, t2. */
#define NINE(t, t2) \
    "ldr r4, [r1]\n ldr r5, [r1, #4]\n ldrsb " t ", [r1, #8]\n" \
    "ldr r6, [r2]\n ldr r7, [r2, #4]\n ldrsb " t2 ", [r2, #8]\n add r1, r3\n add r2, r3\n"
#define PAIR(w, w2, at) \
    "sxtb16 r10, " w "\n str r10, [r0, #" at "]\n sxtb16 r10, " w2 "\n str r10, [r0, #" at "+4]\n" \
    "sxtb16 " w ", " w ", ror #8\n str " w ", [r0, #" at "+8]\n" \
    "sxtb16 " w2 ", " w2 ", ror #8\n str " w2 ", [r0, #" at "+12]\n"

/* The same for three rows of nine bytes, 3x3 windows of three channels: 108 cycles. */
MCU_ASSEMBLY_FUNCTION
static void widen_27(int32_t *window MCU_UNUSED, const int8_t *from MCU_UNUSED,
                     const int8_t *from2 MCU_UNUSED, int32_t pitch MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r10, lr}\n"
        NINE("r8", "r9") PAIR("r4", "r6", "0") PAIR("r5", "r7", "16")
        NINE("r12", "lr") PAIR("r4", "r6", "32") PAIR("r5", "r7", "48")
        "pkhbt r8, r8, r12, lsl #16\n pkhbt r9, r9, lr, lsl #16\n"
        "str r8, [r0, #96]\n str r9, [r0, #100]\n"
        NINE("r8", "r9") PAIR("r4", "r6", "64") PAIR("r5", "r7", "80")
        "str r8, [r0, #104]\n str r9, [r0, #108]\n"
        "pop {r4-r10, pc}\n");
}

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */
static void core(const int32_t *stream, const core_args *args) {
    int8_t *const outputs[2] = {args->output, args->output2};
    const int32_t constants = args->fixed ? 2 : 3;
    for (int32_t group = 0; group < args->groups; group++) {
        int32_t sums[4][2]; /* channel, pixel */
        for (int32_t c = 0; c < 4; c++) {
            sums[c][0] = sums[c][1] = *stream;
            stream++;
        }
        for (const int32_t *x = args->window; (const int8_t *)x < args->window_end;
             x += 2, stream += 2) {
            for (int32_t pair = 0; pair < 2; pair++) {
                const int32_t low = mcu_sxtb16(stream[pair]);
                for (int32_t p = 0; p < 2; p++) {
                    sums[2 * pair][p] = mcu_smlad(stream[pair], x[p], sums[2 * pair][p]);
                    sums[2 * pair + 1][p] = mcu_smlad(low, x[p], sums[2 * pair + 1][p]);
                }
            }
        }
        for (int32_t c = 0; c < 4; c++, stream += constants) {
            for (int32_t p = 0; p < 2; p++) {
                const int32_t times_256 = (c % 2 == 0) ? mcu_sub_wrap(sums[c][p], sums[c + 1][p])
                                                       : mcu_shift_left(sums[c][p], 8);
                outputs[p][OUTPUTS * group + c] = mcu_times_256(times_256, stream, args->fixed);
            }
        }
    }
}

static void widen(int32_t *window, const sources *of) {
    int32_t i = 0;
    for (int32_t row = 0; row < of->rows; row++) {
        const int8_t *const a = of->from + row * of->pitch;
        const int8_t *const b = of->from2 + row * of->pitch2;
        for (i = 0; i + 4 <= of->count; i += 4, window += 4) {
            const int32_t four = mcu_load4(a + i); /* both, before the window takes their place */
            const int32_t four2 = mcu_load4(b + i);
            window[0] = mcu_sxtb16(four);
            window[1] = mcu_sxtb16(four2);
            window[2] = mcu_sxtb16_odd(four);
            window[3] = mcu_sxtb16_odd(four2);
        }
        if (i + 2 <= of->count) {
            const int32_t two = mcu_lanes(a[i], a[i + 1]);
            window[1] = mcu_lanes(b[i], b[i + 1]);
            window[0] = two;
            window += 2;
            i += 2;
        }
    }
    for (int32_t row = 0; i < of->count && row < of->rows; row += 2, window += 2) {
        const int8_t *const a = of->from + row * of->pitch + i;
        const int8_t *const b = of->from2 + row * of->pitch2 + i;
        const int paired = row + 1 < of->rows;
        window[0] = mcu_lanes(a[0], paired ? a[of->pitch] : 0);
        window[1] = mcu_lanes(b[0], paired ? b[of->pitch2] : 0);
    }
}

static void widen_row(int32_t *window, const int8_t *from, const int8_t *from2, int32_t count) {
    const sources of = {from, from2, count, 0, 0, 1};
    widen(window, &of);
}

static void widen_27(int32_t *window, const int8_t *from, const int8_t *from2, int32_t pitch) {
    const sources of = {from, from2, 9, pitch, pitch, 3};
    widen(window, &of);
}

#endif

/* ---- the windows */

/* Output pixels in their order, and where their windows lie. */
typedef struct {
    const mcu_conv2d_s8_dsp_params *p;
    const int8_t *image; /* of the batch */
    int32_t row;
    int32_t column;
    int32_t y; /* of the window */
    int32_t x;
    int32_t inside; /* do its rows lie on the image? */
} position;

static void begin_row(position *at, int32_t row) {
    at->row = row;
    at->column = 0;
    at->y = row * at->p->stride_h - at->p->pad_top;
    at->x = -at->p->pad_left;
    at->inside = (at->y >= 0 && at->y + at->p->kernel_h <= at->p->in_h) ? 1 : 0;
}

static void advance(position *at) {
    const mcu_conv2d_s8_dsp_params *const p = at->p;
    at->column++;
    at->x += p->stride_w;
    if (at->column == p->out_w) {
        if (at->row + 1 == p->out_h) {
            at->image += p->in_h * p->in_w * p->in_ch;
        }
        begin_row(at, (at->row + 1 == p->out_h) ? 0 : at->row + 1);
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
} stretch;

static stretch clip(int32_t origin, int32_t kernel, int32_t size) {
    const int32_t begin = mcu_clamp(-origin, 0, kernel);
    const stretch t = {begin, mcu_clamp(size - origin, begin, kernel)};
    return t;
}

/* Collects a window that may lie outside of the image in part. */
static void gather(int8_t *to, const int8_t *image, int32_t y, int32_t x,
                   const mcu_conv2d_s8_dsp_params *p) {
    const stretch rows = clip(y, p->kernel_h, p->in_h);
    const stretch columns = clip(x, p->kernel_w, p->in_w);
    const int32_t length = p->kernel_w * p->in_ch;
    (void)memset(to, p->input_zero_point, (size_t)(p->kernel_h * length));
    copy(to + rows.begin * length + columns.begin * p->in_ch, length,
         image + ((y + rows.begin) * p->in_w + x + columns.begin) * p->in_ch, p->in_w * p->in_ch,
         (columns.end - columns.begin) * p->in_ch, rows.end - rows.begin);
}

/* The bytes of a window and, in `pitch`, how far apart its rows are: in the image, or collected. */
static const int8_t *locate(const position *at, int8_t *bytes, int32_t *pitch) {
    const mcu_conv2d_s8_dsp_params *const p = at->p;
    if (at->inside && at->x >= 0 && at->x + p->kernel_w <= p->in_w) {
        *pitch = p->in_w * p->in_ch;
        return at->image + (at->y * p->in_w + at->x) * p->in_ch;
    }
    gather(bytes, at->image, at->y, at->x, p);
    *pitch = p->kernel_w * p->in_ch;
    return bytes;
}

/* ---- the passes */

/* The last channels of two pixels where they are not a multiple of four. */
static void last_channels(const mcu_conv2d_s8_dsp_params *p, const core_args *all, int32_t steps) {
    const int32_t group_words = 4 + 2 * steps + OUTPUTS * ((all->fixed != 0) ? 2 : 3);
    const int32_t done = OUTPUTS * all->groups;
    int8_t spare[2][OUTPUTS];
    core_args args = *all;
    args.output = spare[0];
    args.output2 = spare[1];
    args.groups = 1;
    core(p->stream + all->groups * group_words, &args);
    copy(all->output + done, (int32_t)(all->output2 - all->output), spare[0], OUTPUTS,
         p->out_ch - done, 2);
}

/* All channels of two pixels, or of one, which then is its own partner: the same bytes are written
 * twice. */
static void pass(const mcu_conv2d_s8_dsp_params *p, core_args *args, int32_t steps, int paired) {
    args->output2 = args->output + (paired ? p->out_ch : 0);
    if (args->groups > 0) {
        core(p->stream, args);
    }
    if (p->out_ch % OUTPUTS != 0) {
        last_channels(p, args, steps);
    }
    args->output = args->output2 + p->out_ch;
}

/* A 1x1 kernel with stride 1: windows lie side by side in the input. */
static void pointwise(const mcu_conv2d_s8_dsp_params *p, const int8_t *input, int32_t *window,
                      core_args *args, int32_t steps) {
    const int32_t count = p->in_ch;
    for (int32_t left = p->batch * p->out_h * p->out_w; left > 0; left -= 2, input += 2 * count) {
        const int8_t *const second = input + ((left > 1) ? count : 0);
        if (count % 8 == 0) {
            widen_row(window, input, second, count);
        } else {
            const sources of = {input, second, count, count, count, 1};
            widen(window, &of);
        }
        pass(p, args, steps, left > 1);
    }
}

/* Any other kernel; `bytes` has room for two windows. */
static void windowed(const mcu_conv2d_s8_dsp_params *p, const int8_t *input, int32_t *window,
                     int8_t *bytes, core_args *args, int32_t steps) {
    const int32_t in_pitch = p->in_w * p->in_ch;
    const int32_t length = p->kernel_w * p->in_ch;
    const int is_27 = p->kernel_h == 3 && length == 9;
    position at = {.p = p, .image = input};
    sources of = {.count = length, .rows = p->kernel_h};

    begin_row(&at, 0);
    for (int32_t left = p->batch * p->out_h * p->out_w; left > 0; left -= 2) {
        if (at.inside && at.x >= 0 && at.x + p->stride_w + p->kernel_w <= p->in_w &&
            at.column + 2 < p->out_w) {
            of.from = at.image + at.y * in_pitch + at.x * p->in_ch;
            of.from2 = of.from + p->stride_w * p->in_ch;
            of.pitch = of.pitch2 = in_pitch;
            at.column += 2;
            at.x += 2 * p->stride_w;
        } else {
            of.from = locate(&at, bytes, &of.pitch);
            of.from2 = of.from;
            of.pitch2 = of.pitch;
            if (left > 1) {
                advance(&at);
                of.from2 = locate(&at, bytes + p->kernel_h * length, &of.pitch2);
                advance(&at);
            }
        }
        if (is_27 && of.pitch == of.pitch2) {
            widen_27(window, of.from, of.from2, of.pitch);
        } else {
            widen(window, &of);
        }
        pass(p, args, steps, left > 1);
    }
}

void mcu_conv2d_s8_dsp(const mcu_conv2d_s8_dsp_params *params, const int8_t *input, int8_t *output,
                       void *scratch) {
    const mcu_conv2d_s8_dsp_params *const p = params;
    const int32_t length = p->kernel_w * p->in_ch;
    const int32_t last = (length % 2 != 0) ? (p->kernel_h + 1) / 2 : 0;
    const int32_t steps = p->kernel_h * (length / 2) + last; /* of two taps */
    int32_t *const window = scratch;
    /* Bytes that are collected may be where the window will end: while the window grows by 16
     * bytes, the bytes behind it get 4 fewer. But the last ones of odd rows are kept for the end.
     */
    int8_t *const bytes =
        (int8_t *)window + ((length % 2 != 0) ? 8 * steps : 3 * p->kernel_h * length);
    core_args args = {
        .window = window,
        .window_end = (const int8_t *)(window + 2 * steps) - ((p->fixed != 0) ? 0 : 2),
        .skip = STEP_BYTES * (UNROLL - ((steps == 1) ? 0 : (steps - 2) % UNROLL + 1)),
        .output = output,
        .groups = p->out_ch / OUTPUTS,
        .fixed = p->fixed,
    };
    if (p->kernel_h * p->kernel_w * p->stride_h * p->stride_w == 1) {
        pointwise(p, input, window, &args, steps);
    } else {
        windowed(p, input, window, bytes, &args, steps);
    }
}
