/* mcu_conv2d_s16_dsp.c: 2-D convolution of int16 values with int8 weights, two output channels of
 * four positions at a time.
 *
 * The windows of four output positions are gathered in scratch, padding filled in, as pairs of taps
 * in a word, a word of each position in turn. A row of the window has L = kernel_w * in_ch taps;
 * where L is odd, the last one has a word of its own. The core multiplies them with all channels.
 *
 * The stream holds, for each two output channels A and B, in the order of reading:
 *     bias_A, bias_B
 *     per pair of taps: four bytes, weights of A and B for the first tap, then for the second
 *     multiplier_A, multiplier_B
 *
 * SXTB16 makes two lanes of the bytes of A, and with ROR #8 of those of B. Sums are taken modulo
 * 2^32, which they fit; an output is SSAT or USAT(SMMULR(sum, multiplier)), one rounding, as
 * round_once.py proves when the project is generated.
 *
 * On a Cortex-M4 two taps of two channels and four positions take 5 loads (7 cycles), 2 SXTB16 and
 * 8 SMLAD: 17 cycles for 16 products; two channels of four positions take about 50 more.
 * Registers: r0 stream, r1 window, r2 r3 weights of A and B, r4 lr values, r5-r8 sums of A, r9-r12
 * sums of B. SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_s16_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"

enum {
    POSITIONS = 4,
    CHANNELS = 2,
    UNROLL = 16,
    STEP_BYTES = 60, /* of code for two taps */
    AROUND = 4       /* words of the stream for two channels beside their weights */
};

/* What the core needs for four positions: the state of mcu_state.h. */
typedef struct {
    const int32_t *window;
    const int8_t *window_end; /* two bytes less for a ReLU, which is how the core knows */
    int32_t skip;             /* bytes of unrolled code to skip in the first round */
    const int32_t *end;       /* of the stream */
    int16_t *output[POSITIONS];
} core_args;

/* The rows of the windows of four positions that lie on the image, one beside the other. */
typedef struct {
    int32_t step; /* bytes from a position to the next */
    int32_t taps; /* of a row */
    int32_t gap;  /* bytes from where a row ends to the next one */
    int32_t rows;
} source;

/* The part of a position's window that lies on the image. */
typedef struct {
    int32_t odd;    /* 1: it begins with the second half of a word */
    int32_t taps;   /* of a row, 1 or more */
    int32_t gap;    /* bytes from where a row ends to the next one, */
    int32_t to_gap; /* in the window */
    int32_t rows;   /* 1 or more */
} part;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define WINDOW "0"
#define WINDOW_END "1"
#define SKIP "2"
#define END "3"
#define OUTPUT0 "4"
#define OUTPUT1 "5"
#define OUTPUT2 "6"
#define OUTPUT3 "7"

/* Two taps. Sums go on from a0 to a3, b0 to b3. */
#define PRODUCTS(a0, a1, a2, a3, b0, b1, b2, b3)                                                   \
    "ldr r2, [r0], #4\n ldr r4, [r1], #4\n ldr lr, [r1], #4\n"                                    \
    "sxtb16 r3, r2, ror #8\n sxtb16 r2, r2\n"                                                     \
    "smlad r5, r2, r4, " a0 "\n smlad r6, r2, lr, " a1 "\n"                                       \
    "smlad r9, r3, r4, " b0 "\n smlad r10, r3, lr, " b1 "\n"                                      \
    "ldr r4, [r1], #4\n ldr lr, [r1], #4\n"                                                       \
    "smlad r7, r2, r4, " a2 "\n smlad r8, r2, lr, " a3 "\n"                                       \
    "smlad r11, r3, r4, " b2 "\n smlad r12, r3, lr, " b3 "\n"

#define SCALE(a, b) "smmulr " a ", " a ", r2\n smmulr " b ", " b ", r3\n"
#define SIGNED(a, b) "ssat " a ", #16, " a "\n ssat " b ", #16, " b "\n"
#define UNSIGNED(a, b) "usat " a ", #15, " a "\n usat " b ", #15, " b "\n"
#define PACK(a, b) "pkhbt " a ", " a ", " b ", lsl #16\n"
#define EACH(op) op("r5", "r9") op("r6", "r10") op("r7", "r11") op("r8", "r12")

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        "1:\n"
        MCU_GET("r1", WINDOW)
        "ldr r8, [r0], #4\n ldr r12, [r0], #4\n" /* the biases, those of the last position */
        PRODUCTS("r8", "r8", "r8", "r8", "r12", "r12", "r12", "r12")
        MCU_GET("r2", SKIP)
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of step 0 */
        "2:\n"
        ".rept 16\n"
        PRODUCTS("r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12")
        ".endr\n"
        MCU_GET("r2", WINDOW_END)
        "cmp r1, r2\n blo.w 2b\n"
        "ldr r2, [r0], #4\n ldr r3, [r0], #4\n"
        EACH(SCALE)
        "bne.w 4f\n" /* the end lies in front of the end for a ReLU */
        EACH(SIGNED)
        "3:\n"
        EACH(PACK)
        MCU_GET("r1", OUTPUT0) MCU_GET("r2", OUTPUT1) MCU_GET("r3", OUTPUT2) MCU_GET("r4", OUTPUT3)
        "str r5, [r1], #4\n str r6, [r2], #4\n str r7, [r3], #4\n str r8, [r4], #4\n"
        MCU_PUT(OUTPUT0, "r1") MCU_PUT(OUTPUT1, "r2") MCU_PUT(OUTPUT2, "r3") MCU_PUT(OUTPUT3, "r4")
        MCU_GET("r2", END)
        "cmp r0, r2\n bne.w 1b\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        "4:\n"
        EACH(UNSIGNED)
        "b.w 3b\n");
}

#define ADD(w, x)                                                                                  \
    "sxtb16 r12, " w ", ror #8\n sxtb16 " w ", " w "\n"                                            \
    "smlad r10, " w ", " x ", r10\n smlad r11, r12, " x ", r11\n"

/* The first position alone: 29 cycles for 16 products. */
MCU_ASSEMBLY_FUNCTION
static void core_one(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r1, r4-r11, lr}\n ldr r3, [r1, #16]\n push {r3}\n"
        "1:\n"
        "ldr r2, [sp, #4]\n ldrd r1, lr, [r2]\n ldr r10, [r0], #4\n ldr r11, [r0], #4\n"
        "sub lr, r1\n add lr, #2\n lsr lr, #4\n" /* words */
        "2:\n"
        "tst lr, #3\n beq 3f\n"
        "ldr r2, [r0], #4\n ldr r6, [r1], #16\n" ADD("r2", "r6")
        "subs lr, #1\n b 2b\n"
        "3:\n"
        "cmp lr, #0\n beq 5f\n"
        ".balign 4\n"
        "4:\n"
        "ldm r0!, {r2-r5}\n"
        "ldr r6, [r1], #16\n ldr r7, [r1], #16\n ldr r8, [r1], #16\n ldr r9, [r1], #16\n"
        ADD("r2", "r6") ADD("r3", "r7") ADD("r4", "r8") ADD("r5", "r9")
        "subs lr, #4\n bne 4b\n"
        "5:\n"
        "ldm r0!, {r2, r3}\n pop {r5}\n ldr r4, [sp]\n ldr r6, [r4, #4]\n ldr r7, [r4, #12]\n"
        "smmulr r10, r10, r2\n smmulr r11, r11, r3\n"
        "tst r6, #2\n bne 7f\n" /* a ReLU? */
        SIGNED("r10", "r11")
        "6:\n"
        "strh r10, [r5]\n strh r11, [r5, #2]\n add r5, #4\n push {r5}\n"
        "cmp r0, r7\n bne 1b\n"
        "pop {r0, r1, r4-r11, pc}\n"
        "7:\n" UNSIGNED("r10", "r11") "b 6b\n");
}

/* A word, or a last tap, of each position. */
#define LOADS(load, p, q, r, s, bytes)                                                             \
    load " " q ", [r1, r2]\n " load " " r ", [r1, r2, lsl #1]\n " load " " s ", [r1, r3]\n"       \
    load " " p ", [r1], #" bytes "\n"
#define STORES(p, q, r, s)                                                                         \
    "str " q ", [r0, #4]\n str " r ", [r0, #8]\n str " s ", [r0, #12]\n str " p ", [r0], #16\n"

/* 20 cycles for four taps of each position. */
MCU_ASSEMBLY_FUNCTION
static void fill(int32_t *window MCU_UNUSED, const int16_t *from MCU_UNUSED,
                 const source *of MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r2, r4-r11, lr}\n"
        "ldr lr, [r2, #12]\n ldr r2, [r2]\n add r3, r2, r2, lsl #1\n"
        "1:\n"
        "ldr r12, [sp]\n ldr r12, [r12, #4]\n subs r12, #4\n blt 3f\n"
        ".balign 4\n"
        "2:\n"
        LOADS("ldr", "r4", "r5", "r6", "r7", "4") LOADS("ldr", "r8", "r9", "r10", "r11", "4")
        STORES("r4", "r5", "r6", "r7") STORES("r8", "r9", "r10", "r11")
        "subs r12, #4\n bge 2b\n"
        "3:\n"
        "tst r12, #2\n beq 4f\n"
        LOADS("ldr", "r4", "r5", "r6", "r7", "4") STORES("r4", "r5", "r6", "r7")
        "4:\n"
        "tst r12, #1\n beq 5f\n"
        LOADS("ldrsh", "r4", "r5", "r6", "r7", "2") STORES("r4", "r5", "r6", "r7")
        "5:\n"
        "ldr r12, [sp]\n ldr r12, [r12, #8]\n add r1, r12\n subs lr, #1\n bne 1b\n"
        "pop {r2, r4-r11, pc}\n");
}

/* 19 cycles for a row of four taps, 8 for each four more. */
MCU_ASSEMBLY_FUNCTION
static void copy(int32_t *to MCU_UNUSED, const int16_t *from MCU_UNUSED,
                 const part *of MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r9}\n"
        "ldm r2, {r2-r6}\n" /* odd, taps, gap, to_gap, rows */
        "1:\n"
        "mov r7, r3\n cbz r2, 2f\n"
        "ldrh r8, [r1], #2\n strh r8, [r0, #2]\n add r0, #16\n sub r7, #1\n"
        "2:\n"
        "subs r7, #4\n blt 4f\n"
        ".balign 4\n"
        "3:\n"
        "ldr r8, [r1], #4\n ldr r9, [r1], #4\n str r8, [r0], #16\n str r9, [r0], #16\n"
        "subs r7, #4\n bge 3b\n"
        "4:\n"
        "ands r8, r7, #3\n beq 6f\n"
        "tst r7, #2\n beq 5f\n ldr r8, [r1], #4\n str r8, [r0], #16\n"
        "5:\n"
        "tst r7, #1\n beq 6f\n ldrh r8, [r1], #2\n strh r8, [r0], #16\n" /* padding may follow */
        "6:\n"
        "add r1, r4\n add r0, r5\n subs r6, #1\n bne 1b\n"
        "pop {r4-r9}\n bx lr\n");
}

/* clang-format on */

#else

static int16_t clamped(int32_t value, int32_t low) {
    return (int16_t)((value < low) ? low : ((value > INT16_MAX) ? INT16_MAX : value));
}

/* The same algorithm in C, for machines without these instructions. */
static void core_of(const int32_t *stream, const core_args *args, int32_t positions) {
    for (int32_t first = 0; stream != args->end; first += CHANNELS) {
        int32_t sums[POSITIONS][CHANNELS];
        const int32_t *x = args->window;
        for (int32_t p = 0; p < positions; p++) {
            sums[p][0] = stream[0];
            sums[p][1] = stream[1];
        }
        for (stream += 2; (const int8_t *)x < args->window_end; x += POSITIONS, stream++) {
            for (int32_t p = 0; p < positions; p++) {
                sums[p][0] = mcu_smlad(mcu_sxtb16(*stream), x[p], sums[p][0]);
                sums[p][1] = mcu_smlad(mcu_sxtb16_odd(*stream), x[p], sums[p][1]);
            }
        }
        const int32_t low = ((const int8_t *)x == args->window_end) ? INT16_MIN : 0;
        for (int32_t p = 0; p < positions; p++) {
            int16_t *const to = args->output[p] + first;
            to[0] = clamped(mcu_smmulr(sums[p][0], stream[0]), low);
            to[1] = clamped(mcu_smmulr(sums[p][1], stream[1]), low);
        }
        stream += 2;
    }
}

static void core(const int32_t *stream, const core_args *args) { core_of(stream, args, POSITIONS); }

static void core_one(const int32_t *stream, const core_args *args) { core_of(stream, args, 1); }

static void fill(int32_t *window, const int16_t *from, const source *of) {
    for (int32_t row = 0; row < of->rows; row++) {
        for (int32_t i = 0; i < of->taps; i += 2, window += POSITIONS) {
            for (int32_t p = 0; p < POSITIONS; p++) {
                const int16_t *const at = from + p * (of->step / 2) + i;
                window[p] = (i + 1 < of->taps) ? mcu_lanes(at[0], at[1]) : at[0];
            }
        }
        from += of->taps + of->gap / 2;
    }
}

static void copy(int32_t *to, const int16_t *from, const part *of) {
    for (int32_t row = 0; row < of->rows; row++) {
        const int32_t end = of->odd + of->taps;
        for (int32_t i = of->odd; i < end; i++, from++) {
            mcu_store_lane(to + i / 2 * POSITIONS, (uint32_t)i % 2U, *from);
        }
        to += (end + 1) / 2 * POSITIONS + of->to_gap / 4;
        from += of->gap / 2;
    }
}

#endif

/* ---- the windows */

/* An output position, and its window. */
typedef struct {
    const mcu_conv2d_s16_dsp_params *p;
    const int16_t *image; /* of the batch */
    int32_t row;
    int32_t column;
    int32_t y; /* of the window */
    int32_t x;
    int32_t top; /* rows [top, bottom) of the window lie on the image */
    int32_t bottom;
} position;

static void begin_row(position *at, int32_t row) {
    const mcu_conv2d_s16_dsp_params *const p = at->p;
    at->row = row;
    at->column = 0;
    at->y = row * p->stride_h - p->pad_top;
    at->x = -p->pad_left;
    at->top = mcu_clamp(-at->y, 0, p->kernel_h);
    at->bottom = mcu_clamp(p->in_h - at->y, at->top, p->kernel_h);
}

static void advance(position *at, int32_t columns) {
    const mcu_conv2d_s16_dsp_params *const p = at->p;
    at->column += columns;
    at->x += columns * p->stride_w;
    if (at->column == p->out_w) {
        const int32_t row = at->row + 1;
        if (row == p->out_h) {
            at->image += p->in_h * p->in_w * p->in_ch;
        }
        begin_row(at, (row == p->out_h) ? 0 : row);
    }
}

/* Fills in the window of a position. */
static void gather(int32_t *to, const position *at) {
    const mcu_conv2d_s16_dsp_params *const p = at->p;
    const int32_t length = p->kernel_w * p->in_ch;
    const int32_t words = (length + 1) / 2;
    const int32_t left = mcu_clamp(-at->x, 0, p->kernel_w);
    const int32_t right = mcu_clamp(p->in_w - at->x, left, p->kernel_w);
    const int32_t first = left * p->in_ch;
    const int32_t end = right * p->in_ch;
    const part of = {first % 2, end - first, 2 * (p->in_w * p->in_ch - end + first),
                     4 * POSITIONS * (words - (end + 1) / 2 + first / 2), at->bottom - at->top};
    if (of.taps < length || of.rows < p->kernel_h) {
        const int32_t all = p->kernel_h * words;
        for (int32_t i = 0; i < all; i++) {
            to[POSITIONS * i] = 0;
        }
    }
    if (of.taps > 0 && of.rows > 0) {
        copy(to + (at->top * words + first / 2) * POSITIONS,
             at->image + ((at->y + at->top) * p->in_w + at->x + left) * p->in_ch, &of);
    }
}

/* All channels of four positions, of three, the last one twice, or of one. */
static void pass(const mcu_conv2d_s16_dsp_params *p, core_args *args, int32_t steps, int32_t count,
                 int16_t *output) {
    const int32_t *stream = p->stream;
    const int32_t size = steps + AROUND;
    args->end = stream + p->out_ch / CHANNELS * size;
    /* Where channels are odd, the last two are a pair once more. */
    for (int32_t more = 0; more <= p->out_ch % CHANNELS; more++) {
        for (int32_t i = 0; i < POSITIONS; i++) {
            args->output[i] = output + ((i < count) ? i : count - 1) * p->out_ch;
        }
        if (count == 1) {
            core_one(stream, args);
        } else {
            core(stream, args);
        }
        stream = args->end;
        args->end += size;
        output += p->out_ch - CHANNELS;
    }
}

void mcu_conv2d_s16_dsp(const mcu_conv2d_s16_dsp_params *params, const int16_t *input,
                        int16_t *output, void *scratch) {
    const mcu_conv2d_s16_dsp_params *const p = params;
    const int32_t length = p->kernel_w * p->in_ch;
    const int32_t steps = p->kernel_h * ((length + 1) / 2); /* of two taps */
    const int32_t later = steps - 1;                        /* than the first */
    const int32_t rounds = (later + UNROLL - 1) / UNROLL;
    const int32_t pitch = p->in_w * p->in_ch;
    const int32_t seen = (POSITIONS - 1) * p->stride_w + p->kernel_w; /* columns */
    const source of = {2 * p->stride_w * p->in_ch, length, 2 * (pitch - length), p->kernel_h};
    int32_t *const window = scratch;
    position at = {.p = p, .image = input};
    core_args args = {.window = window};
    int32_t count = 0;
    MCU_ASSERT(p->out_ch >= CHANNELS && length >= 2);

    args.window_end = (const int8_t *)(window + POSITIONS * steps) - 2 * p->is_relu;
    args.skip = STEP_BYTES * ((rounds > 0) ? UNROLL * rounds - later : UNROLL);
    begin_row(&at, 0);
    for (int32_t left = p->batch * p->out_h * p->out_w; left > 0; left -= count) {
        count = (left >= POSITIONS) ? POSITIONS : ((left == POSITIONS - 1) ? left : 1);
        if (count == POSITIONS && at.column + POSITIONS <= p->out_w &&
            at.bottom - at.top == p->kernel_h && at.x >= 0 && at.x + seen <= p->in_w) {
            fill(window, at.image + at.y * pitch + at.x * p->in_ch, &of);
            advance(&at, POSITIONS);
        } else {
            for (int32_t i = 0; i < ((count == 1) ? 1 : POSITIONS); i++) {
                gather(window + i, &at);
                if (i + 1 < left) {
                    advance(&at, 1);
                }
            }
        }
        pass(p, &args, steps, count, output);
        output += count * p->out_ch;
    }
}
