/* mcu_conv2d_s8_mve.c: 2-D convolution on int8, two output channels of four pixels at a time.
 *
 * The windows of four pixels lie in scratch, 16 taps of each in turn, padding filled in; a window
 * is kernel_h * kernel_w * in_ch taps, rounded up to a multiple of 16. The core multiplies them
 * with all output channels: VMLADAVA adds 16 products to a register, which must be an even one, so
 * that eight sums fill all of those. Sums are taken modulo 2^32; the input's zero point is folded
 * into the bias.
 *
 * Per 16 taps: 6 loads and 8 VMLADAVA, 14 instructions for 128 products; 23 instructions for the
 * requantization of 8 outputs, 27 where halves of negative values must round away from zero. The
 * stream holds, for each two channels A B, in the order of reading:
 *     per 16 taps: 16 bytes of A, 16 bytes of B
 *     bias of A, of B, multiplier of A, of B, shift of A, of B
 * A shift is the low byte of its word, negative; B's word is negative where two more follow.
 *
 * Registers: r1 stream, r3 window, r5 output, r7 windows, r9 skip, r11 end of the windows, even
 * ones the sums; q0 q1 weights, q2 q3 windows, q4 where the eight outputs go, q5 zero point.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_s8_mve.h"

#include "mcu_fixed.h"
#include "mcu_mve.h"
#include "mcu_port.h"

enum { PIXELS = 4, CHANNELS = 2, VECTOR = 16, UNROLL = 8, STEP_BYTES = 56 };

/* What the core needs for four pixels. The core knows the order. */
typedef struct {
    const int32_t *stream;
    int8_t *output;        /* of the first pixel */
    const int8_t *windows; /* 16 taps of each pixel in turn */
    int32_t skip;          /* bytes of unrolled code to skip in the first round */
    const int8_t *windows_end;
    const uint16_t *places; /* of the outputs: channel A, B of pixel 0, of pixel 1, ... */
    int32_t zero_point;
    int32_t clamped;
} core_args;

#if MCU_MVE_ASSEMBLY
/* clang-format off */

#define STEP(op)                                                                                   \
    "vldrw.u32 q0, [r1], #16\n vldrw.u32 q2, [r3], #16\n" op " r0, q0, q2\n"                       \
    "vldrw.u32 q1, [r1], #16\n" op " r8, q1, q2\n"                                                 \
    "vldrw.u32 q3, [r3], #16\n" op " r2, q0, q3\n" op " r10, q1, q3\n"                             \
    "vldrw.u32 q2, [r3], #16\n" op " r4, q0, q2\n" op " r12, q1, q2\n"                             \
    "vldrw.u32 q3, [r3], #16\n" op " r6, q0, q3\n" op " lr, q1, q3\n"

/* All channels; `fix` makes halves of negative values round away from zero. */
#define ALL_CHANNELS(fix)                                                                          \
    "1:\n"                                                                                         \
    "mov r3, r7\n"                                                                                 \
    STEP("vmladav.s8")                                                                             \
    ".balign 4\n"                                                                                  \
    "add pc, r9\n nop\n" /* pc is the address of step 0 */                                         \
    "2:\n"                                                                                         \
    ".rept 8\n" STEP("vmladava.s8") ".endr\n"                                                      \
    "cmp r3, r11\n bne.w 2b\n"                                                                     \
    "vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n"                                      \
    "vmov q1[2], q1[0], r8, r12\n vmov q1[3], q1[1], r10, lr\n"                                    \
    "ldm r1!, {r0, r2, r4, r6, r8, r10}\n"                                                         \
    "vadd.i32 q0, q0, r0\n vadd.i32 q1, q1, r2\n"                                                  \
    "vqrdmulh.s32 q0, q0, r4\n vqrdmulh.s32 q1, q1, r6\n"                                          \
    fix                                                                                            \
    "vrshl.s32 q0, r8\n vrshl.s32 q1, r10\n"                                                       \
    "vqmovnb.s32 q0, q0\n vqmovnt.s32 q0, q1\n"                                                    \
    "vqadd.s16 q0, q0, q5\n vqmovnb.s16 q0, q0\n"                                                  \
    "vstrb.16 q0, [r5, q4]\n"                                                                      \
    "add r5, #2\n cmp r10, #0\n bmi.w 1b\n"                                                        \
    "vpop {d8-d11}\n pop {r4-r11, pc}\n"

#define AWAY_FROM_ZERO                                                                             \
    "vshr.s32 q2, q0, #31\n vshr.s32 q3, q1, #31\n vadd.i32 q0, q0, q2\n vadd.i32 q1, q1, q3\n"

MCU_MVE_FUNCTION
static void core(const core_args *args MCU_MVE_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n vpush {d8-d11}\n"
        "ldm r0!, {r1, r5, r7, r9, r11}\n"
        "ldm r0, {r2, r3, r4}\n"
        "vldrh.u16 q4, [r2]\n vdup.16 q5, r3\n"
        "cmp r4, #0\n beq.w 3f\n"
        ALL_CHANNELS("")
        "3:\n"
        ALL_CHANNELS(AWAY_FROM_ZERO));
}

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */
static void core(const core_args *args) {
    const int32_t *stream = args->stream;
    int8_t *output = args->output;
    int32_t more;
    do {
        uint32_t sums[CHANNELS][PIXELS] = {{0}};
        for (const int8_t *x = args->windows; x != args->windows_end; x += PIXELS * VECTOR) {
            const int8_t *const weights = (const int8_t *)stream;
            for (int32_t i = 0; i < CHANNELS * PIXELS * VECTOR; i++) {
                const int32_t tap = i % VECTOR;
                const int32_t c = i / VECTOR % CHANNELS;
                const int32_t pixel = i / VECTOR / CHANNELS;
                sums[c][pixel] += (uint32_t)(weights[c * VECTOR + tap] * x[pixel * VECTOR + tap]);
            }
            stream += CHANNELS * VECTOR / 4;
        }
        for (int32_t i = 0; i < CHANNELS * PIXELS; i++) {
            const int32_t c = i % CHANNELS;
            const int32_t sum = (int32_t)(sums[c][i / CHANNELS] + (uint32_t)stream[c]);
            const int32_t shift = -(int8_t)(uint8_t)((uint32_t)stream[4 + c] & 0xffU);
            int32_t scaled = mcu_mul_high(sum, stream[2 + c]);
            scaled += args->clamped ? 0 : (scaled >> 31);
            scaled = ((scaled >> (shift - 1)) + 1) >> 1;
            output[args->places[i]] = (int8_t)mcu_clamp(scaled + args->zero_point, -128, 127);
        }
        more = stream[5] < 0;
        stream += 6;
        output += CHANNELS;
    } while (more);
}

#endif

/* ---- the windows */

/* An output pixel. */
typedef struct {
    const int8_t *image; /* of the batch */
    int32_t row;
    int32_t column;
} position;

static void advance(position *at, const mcu_conv2d_s8_mve_params *p) {
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

/* Copies rows of vectors, `pitch` bytes apart; the target's are those of one pixel among four. */
static void spread(int8_t *to, const int8_t *from, int32_t vectors, int32_t rows, int32_t pitch) {
    for (; rows > 0; rows--, from += pitch) {
        const int8_t *x = from;
        for (int32_t i = vectors; i > 0; i--, x += VECTOR, to += PIXELS * VECTOR) {
            vstrbq_s8(to, vldrbq_s8(x));
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

/* Puts the window of an output pixel at `to`; `bytes` has room for it. */
static void fill(int8_t *to, int8_t *bytes, const position *at, const mcu_conv2d_s8_mve_params *p) {
    const int32_t y = at->row * p->stride_h - p->pad_top;
    const int32_t x = at->column * p->stride_w - p->pad_left;
    const int32_t length = p->kernel_w * p->in_ch;
    const int32_t pitch = p->in_w * p->in_ch;
    const int inside = y >= 0 && x >= 0 && y + p->kernel_h <= p->in_h && x + p->kernel_w <= p->in_w;
    if (inside && length % VECTOR == 0) {
        spread(to, at->image + y * pitch + x * p->in_ch, length / VECTOR, p->kernel_h, pitch);
        return;
    }
    taps rows = {0, p->kernel_h};
    taps columns = {0, p->kernel_w};
    if (!inside) {
        rows = clip(y, p->kernel_h, p->in_h);
        columns = clip(x, p->kernel_w, p->in_w);
        mcu_fill_vectors(bytes, p->input_zero_point, p->kernel_h * length);
    }
    const int32_t count = (columns.end - columns.begin) * p->in_ch;
    const int8_t *from = at->image + (y + rows.begin) * pitch + (x + columns.begin) * p->in_ch;
    int8_t *row = bytes + rows.begin * length + columns.begin * p->in_ch;
    for (int32_t i = rows.begin; i < rows.end; i++, from += pitch, row += length) {
        mcu_copy_vectors(row, from, count);
    }
    spread(to, bytes, (p->kernel_h * length + VECTOR - 1) / VECTOR, 1, 0);
}

/* Puts the windows of `count` pixels side by side; the last one is there until there are four. */
static void fill_all(int8_t *to, int8_t *bytes, position *at, int32_t count,
                     const mcu_conv2d_s8_mve_params *p) {
    for (int32_t i = 0; i < PIXELS; i++) {
        fill(to + VECTOR * i, bytes, at, p);
        if (i < count - 1 || i == PIXELS - 1) {
            advance(at, p);
        }
    }
}

/* As fill_all, for a 1x1 kernel: the windows lie side by side in the input too. */
static void fill_pointwise(int8_t *to, const int8_t *from, int32_t in_ch, int32_t count) {
    const int8_t *x0 = from;
    const int8_t *x1 = x0 + ((count > 1) ? in_ch : 0);
    const int8_t *x2 = x1 + ((count > 2) ? in_ch : 0);
    const int8_t *x3 = x2 + ((count > 3) ? in_ch : 0);
    const int32_t rest = in_ch & (VECTOR - 1);
    const int32_t whole = in_ch - rest;
    if (rest != 0) { /* first, so that the loop need not keep the pointers for it */
        const mve_pred16_t there = vctp8q((uint32_t)rest);
        int8_t *const last = to + PIXELS * whole;
        vstrbq_p_s8(last, vldrbq_z_s8(x0 + whole, there), there);
        vstrbq_p_s8(last + VECTOR, vldrbq_z_s8(x1 + whole, there), there);
        vstrbq_p_s8(last + 2 * VECTOR, vldrbq_z_s8(x2 + whole, there), there);
        vstrbq_p_s8(last + 3 * VECTOR, vldrbq_z_s8(x3 + whole, there), there);
    }
    for (uint32_t i = (uint32_t)whole / VECTOR; i > 0; i--, to += PIXELS * VECTOR) {
        vstrbq_s8(to, vldrbq_s8(x0));
        vstrbq_s8(to + VECTOR, vldrbq_s8(x1));
        vstrbq_s8(to + 2 * VECTOR, vldrbq_s8(x2));
        vstrbq_s8(to + 3 * VECTOR, vldrbq_s8(x3));
        x0 += VECTOR;
        x1 += VECTOR;
        x2 += VECTOR;
        x3 += VECTOR;
    }
}

/* Where the outputs of a pass go: channels 0 and `second` of pixels that are out_ch apart. */
static void set_places(uint16_t *places, int32_t out_ch, int32_t second, int32_t pixels) {
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
        const int32_t at = out_ch * ((pixel < pixels) ? pixel : pixels - 1);
        places[2 * pixel] = (uint16_t)at;
        places[2 * pixel + 1] = (uint16_t)(at + second);
    }
}

void mcu_conv2d_s8_mve(const mcu_conv2d_s8_mve_params *params, const int8_t *input, int8_t *output,
                       void *scratch) {
    const mcu_conv2d_s8_mve_params *const p = params;
    const int32_t pixels = p->batch * p->out_h * p->out_w;
    const int32_t steps = (p->kernel_h * p->kernel_w * p->in_ch + VECTOR - 1) / VECTOR;
    const int32_t unrolled = (steps == 1) ? 0 : (steps - 2) % UNROLL + 1; /* in the first round */
    const int32_t pairs = p->out_ch / CHANNELS;
    const int32_t pair_words = CHANNELS * VECTOR / 4 * steps + 6;
    const int pointwise = p->kernel_h * p->kernel_w * p->stride_h * p->stride_w == 1;
    int8_t *const windows = scratch;
    int8_t *const bytes = windows + PIXELS * VECTOR * steps;
    uint16_t places[CHANNELS * PIXELS];
    position at = {input, 0, 0};
    core_args args = {
        .windows = windows,
        .skip = STEP_BYTES * (UNROLL - unrolled),
        .windows_end = bytes,
        .places = places,
        .zero_point = p->output_offset,
        .clamped = p->clamped,
    };

    for (int32_t pixel = 0; pixel < pixels; pixel += PIXELS) {
        /* Without four pixels, the last one is its own neighbours: its bytes are written again. */
        const int32_t count = (pixels - pixel < PIXELS) ? pixels - pixel : PIXELS;
        if (pointwise) {
            fill_pointwise(windows, input + pixel * p->in_ch, p->in_ch, count);
        } else {
            fill_all(windows, bytes, &at, count, p);
        }
        args.output = output + pixel * p->out_ch;
        args.stream = p->stream;
        if (pixel == 0 || count < PIXELS || p->out_ch % CHANNELS != 0) {
            set_places(places, p->out_ch, 1, count);
        }
        if (pairs > 0) {
            core(&args);
        }
        if (p->out_ch % CHANNELS != 0) { /* a last channel is its own partner */
            set_places(places, p->out_ch, 0, count);
            args.stream += pairs * pair_words;
            args.output += pairs * CHANNELS;
            core(&args);
        }
    }
}
