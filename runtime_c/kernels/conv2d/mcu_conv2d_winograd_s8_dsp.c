/* mcu_conv2d_winograd_s8_dsp.c: 3x3 convolution on int8, stride 1, as exact Winograd F(4x4, 3x3).
 *
 * A tile of 4x4 outputs sees 6x6 inputs d. With the matrices
 *         [ 4  0 -5  0  1  0 ]          [  6   0   0 ]
 *         [ 0 -4 -4  1  1  0 ]          [ -4  -4  -4 ]          [ 1  1  1  1  1  0 ]
 *     B = [ 0  4 -4 -1  1  0 ]      G = [ -4   4  -4 ]      A = [ 0  1 -1  2 -2  0 ]
 *         [ 0 -2 -1  2  1  0 ]          [  1   2   4 ]          [ 0  1  1  4  4  0 ]
 *         [ 0  2 -1 -2  1  0 ]          [  1  -2   4 ]          [ 0  1 -1  8 -8  2 ]
 *         [ 0  4  0 -5  0  1 ]          [  0   0  12 ]
 * the sums of the tile are A ((G w G') * (B d B')) A' / 576, where * multiplies elements and ' is
 * the transpose: for each pair of an input and an output channel 36 products instead of 144. So
 *     V = B d B' of all input channels, for two tiles,
 *     M = products with U = G w G', which is computed when the project is generated, summed over
 *         the input channels, for two tiles and four output channels at a time,
 *     A M A' and requantization.
 *
 * All of it is exact. Inputs are taken as d + 128, in [0, 255]: |V| <= 17,340. |U| <= 18,432. Both
 * fit a lane of 16 bits. M is summed modulo 2^32, and so are the 576 * S that come out for the sums
 * S. The bias, and an extra of less than a step, is added to M at row 1, column 1, from where A
 * takes it to all 16 outputs.
 *
 * A word holds two channels k and k + 2, or k + 1 and k + 3: mcu_winograd_input_dsp.h makes them.
 * mcu_times_576.h says how outputs come of them.
 *
 * The stream holds, for each four output channels, in the order of reading:
 *     per position of U, per pair of input channels: lanes of the four output channels
 *     per channel: 576 * bias + extra, multiplier, offset and, for SIGNED, moved, for GENERAL,
 * shift
 *
 * On a Cortex-M4, for a tile: 205 cycles for each input channel to transform it; 16 for each 16
 * products, and 22 for each position, four output channels and two tiles; 300 for each output
 * channel.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_winograd_s8_dsp.h"

#include <stddef.h>
#include <string.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"
#include "mcu_state.h"
#include "mcu_times_576.h"
#include "mcu_winograd_input_dsp.h"

enum {
    TILE = 4,
    WINDOW = MCU_WINOGRAD_WINDOW,
    POSITIONS = MCU_WINOGRAD_POSITIONS,
    TILES = MCU_WINOGRAD_TILES, /* that are multiplied together */
    OUTPUTS = 4,                /* channels likewise */
    PAIR_WORDS = MCU_WINOGRAD_PAIR_WORDS
};

/* What the products need: the state of mcu_state.h. */
typedef struct {
    const int32_t *v;
    const int32_t *v_end; /* behind all pairs of channels */
    int32_t back;         /* from behind a position in the last pair to the next one in the first */
    const int32_t *at_end; /* of the positions in the first pair */
    int32_t *m;
    int32_t unused[3];
} product_args;

/* What the outputs need: likewise. */
typedef struct {
    int8_t *output; /* of the first tile */
    int8_t *output2;
    int32_t out_ch;
    int32_t row_step;         /* from the last position of a row to the first one of the next */
    const int32_t *constants; /* of the first channel */
    int32_t form;
    int32_t count; /* of tiles times channels */
    uint32_t four_ninths;
} output_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define V "0"
#define V_END "1"
#define BACK "2"
#define AT_END "3"
#define M "4"

/* Two channels of four outputs and two tiles, `k` pairs of channels on; the first ones begin. */
#define PRODUCTS(k, op, a, b, c, d, e, f, g, h)                                                    \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                                        \
    "ldr r4, [r1, #288*" k "]\n ldr lr, [r1, #288*" k "+4]\n"                                      \
    op " r5, r2, r4" a "\n " op " r6, r2, lr" b "\n " op " r7, r3, r4" c "\n "                     \
    op " r8, r3, lr" d "\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n "                                 \
    op " r9, r2, r4" e "\n " op " r10, r2, lr" f "\n " op " r11, r3, r4" g "\n "                   \
    op " r12, r3, lr" h "\n"
#define START PRODUCTS("0", "smuad", "", "", "", "", "", "", "", "")
#define GO_ON(k)                                                                                   \
    PRODUCTS(k, "smlad", ", r5", ", r6", ", r7", ", r8", ", r9", ", r10", ", r11", ", r12")
#define SEVEN                                                                                      \
    GO_ON("1") GO_ON("2") GO_ON("3") GO_ON("4") GO_ON("5") GO_ON("6") GO_ON("7")                   \
    "addw r1, r1, #2304\n" MCU_GET("r2", V_END) "cmp r1, r2\n"

/* M of two tiles and four output channels.
 * r0 stream, r1 v, r2 r3 weights, r4 lr inputs of both tiles, r5-r12 sums. */
MCU_ASSEMBLY_FUNCTION
static void multiply(const int32_t *stream MCU_UNUSED, const product_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        MCU_GET("r1", V)
        ".balign 4\n"
        "1:\n"
        START SEVEN
        "blo.w 3f\n"
        "2:\n"
        MCU_GET("r3", BACK) MCU_GET("r2", M)
        "sub r1, r3\n"
        "str r6, [r2, #144]\n str r7, [r2, #288]\n str r8, [r2, #432]\n str r9, [r2, #576]\n"
        "str r10, [r2, #720]\n str r11, [r2, #864]\n str r12, [r2, #1008]\n str r5, [r2], #4\n"
        MCU_GET("r3", AT_END) MCU_PUT(M, "r2")
        "cmp r1, r3\n bne.w 1b\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        ".balign 4\n"
        "3:\n"
        GO_ON("0") SEVEN
        "blo.w 3b\n b.w 2b\n");
}

#define OUTPUT "0"
#define OUTPUT2 "1"
#define OUT_CH "2"
#define ROW_STEP "3"
#define CONSTANTS "4"
#define FORM "5"
#define COUNT "6"
#define NINTHS "7"

/* A times r4-r9 in r4, r8, r10, r5. */
#define TIMES_A                                                                                    \
    "add r10, r5, r6\n sub r5, r5, r6\n add r6, r7, r8\n sub r7, r7, r8\n"                         \
    "add r4, r4, r10\n add r4, r4, r6\n add r8, r5, r7, lsl #1\n add r10, r10, r6, lsl #2\n"       \
    "add r5, r5, r7, lsl #3\n add r5, r5, r9, lsl #1\n"
#define M_COLUMN(at, bias)                                                                         \
    "ldr r4, [r0, #" at "]\n ldr r5, [r0, #" at "+24]\n ldr r6, [r0, #" at "+48]\n"                \
    "ldr r7, [r0, #" at "+72]\n ldr r8, [r0, #" at "+96]\n ldr r9, [r0, #" at "+120]\n"           \
    bias                                                                                           \
    TIMES_A                                                                                        \
    "str r4, [r0, #" at "]\n str r8, [r0, #" at "+24]\n str r10, [r0, #" at "+48]\n"              \
    "str r5, [r0, #" at "+72]\n"
#define M_ROW "ldm r0!, {r4-r9}\n" TIMES_A

#define EACH(op) op("r4") op("r8") op("r10") op("r5")
#define FIXED(y) "smmla " y ", " y ", r2, r3\n ssat " y ", #8, " y ", asr #16\n"
#define SIGNED(y)                                                                                  \
    "smmul " y ", " y ", r2\n and r6, r11, " y ", asr #31\n sub " y ", r6\n add " y ", r3\n"       \
    "ssat " y ", #8, " y ", asr #16\n"
#define SCALED(y)                                                                                  \
    "mul " y ", " y ", r11\n smmla " y ", " y ", r2, r3\n ssat " y ", #8, " y ", asr #13\n"
#define GENERAL(y)                                                                                 \
    "mul " y ", " y ", r11\n asr " y ", #7\n smmulr " y ", " y ", r2\n"                            \
    "add " y ", " y ", " y ", asr #31\n add " y ", r3\n asr " y ", r12\n ssat " y ", #8, " y "\n"
#define STORE                                                                                      \
    MCU_GET("r6", ROW_STEP)                                                                        \
    "add r7, r1, lr\n strb r4, [r1]\n add r4, r7, lr\n strb r8, [r7]\n"                            \
    "add r1, r4, lr\n strb r10, [r4]\n strb r5, [r1]\n add r1, r6\n"
#define ROWS(form)                                                                                 \
    M_ROW EACH(form) STORE M_ROW EACH(form) STORE M_ROW EACH(form) STORE M_ROW EACH(form) STORE

/* The outputs of all M, which is lost.
 * r0 m, r1 output, r2 multiplier, r3 offset, r4-r10 m, r11 moved or 4 / 9, r12 576 * bias or shift,
 * lr out_ch. */
MCU_ASSEMBLY_FUNCTION
static void finish(int32_t *m MCU_UNUSED, const output_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        MCU_GET("lr", OUT_CH)
        ".balign 4\n"
        "1:\n"
        MCU_GET("r11", CONSTANTS)
        "ldr r12, [r11]\n ldr r2, [r11, #4]\n ldr r3, [r11, #8]\n"
        M_COLUMN("0", "") M_COLUMN("4", "add r5, r12\n") M_COLUMN("8", "") M_COLUMN("12", "")
        M_COLUMN("16", "") M_COLUMN("20", "")
        /* the tiles take turns; the next channel is one byte on */
        MCU_GET("r1", OUTPUT) MCU_GET("r6", OUTPUT2) MCU_GET("r7", FORM)
        "add r5, r1, #1\n"
        MCU_PUT(OUTPUT, "r6") MCU_PUT(OUTPUT2, "r5")
        "cmp r7, #1\n beq.w 7f\n cmp r7, #2\n bls.w 4f\n"
        MCU_GET("r11", NINTHS)
        ROWS(SCALED)
        "6:\n"
        MCU_GET("r4", COUNT) MCU_GET("r5", CONSTANTS)
        "add r0, #48\n lsls r6, r4, #31\n it ne\n addne r5, #12\n"
        "2:\n"
        "subs r4, #1\n"
        MCU_PUT(CONSTANTS, "r5") MCU_PUT(COUNT, "r4")
        "bne.w 1b\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        "4:\n"
        "ldr r12, [r11, #12]\n blo.w 5f\n"
        "mov r11, r12\n"
        ROWS(SIGNED)
        "3:\n"
        MCU_GET("r4", COUNT) MCU_GET("r5", CONSTANTS)
        "add r0, #48\n lsls r6, r4, #31\n it ne\n addne r5, #16\n"
        "b.w 2b\n"
        "5:\n"
        MCU_GET("r11", NINTHS)
        ROWS(GENERAL)
        "b.w 3b\n"
        "7:\n"
        ROWS(FIXED)
        "b.w 6b\n");
}

/* clang-format on */

#else

/* M of two tiles and four output channels. */
static void multiply(const int32_t *stream, const product_args *args) {
    for (int32_t i = 0; i < POSITIONS; i++) {
        int32_t sums[OUTPUTS][TILES] = {{0}};
        for (const int32_t *v = args->v + TILES * i; v < args->v_end; v += PAIR_WORDS) {
            for (int32_t c = 0; c < OUTPUTS; c++, stream++) {
                for (int32_t t = 0; t < TILES; t++) {
                    sums[c][t] = mcu_smlad(*stream, v[t], sums[c][t]);
                }
            }
        }
        for (int32_t c = 0; c < OUTPUTS; c++) {
            for (int32_t t = 0; t < TILES; t++) {
                args->m[(TILES * c + t) * POSITIONS + i] = sums[c][t];
            }
        }
    }
}

/* y = A m, modulo 2^32. */
static void times_a(uint32_t *y, int32_t y_step, const uint32_t *m, int32_t m_step) {
    const uint32_t a = m[m_step] + m[2 * m_step];
    const uint32_t b = m[m_step] - m[2 * m_step];
    const uint32_t c = m[3 * m_step] + m[4 * m_step];
    const uint32_t d = m[3 * m_step] - m[4 * m_step];
    y[0] = m[0] + a + c;
    y[y_step] = b + 2U * d;
    y[2 * y_step] = a + 4U * c;
    y[3 * y_step] = b + 8U * d + 2U * m[5 * m_step];
}

/* The outputs of all M, which is lost. */
static void finish(int32_t *m, const output_args *args) {
    const int32_t row_pitch = args->row_step + (TILE - 1) * args->out_ch;
    const int32_t *constants = args->constants;
    for (int32_t i = 0; i < args->count; i++, m += POSITIONS) {
        uint32_t columns[TILE * WINDOW];
        uint32_t sums[TILE];
        int8_t *const to = ((i % TILES == 0) ? args->output : args->output2) + i / TILES;
        m[WINDOW + 1] = (int32_t)((uint32_t)m[WINDOW + 1] + (uint32_t)constants[0]);
        for (int32_t x = 0; x < WINDOW; x++) {
            times_a(columns + x, WINDOW, (const uint32_t *)m + x, WINDOW);
        }
        for (int32_t y = 0; y < TILE; y++) {
            times_a(sums, 1, columns + WINDOW * y, 1);
            for (int32_t x = 0; x < TILE; x++) {
                to[y * row_pitch + x * args->out_ch] =
                    mcu_times_576(sums[x], constants + 1, args->form);
            }
        }
        constants += (i % TILES == 0) ? 0 : (mcu_times_576_is_short(args->form) ? 3 : 4);
    }
}

#endif

/* A tile of an image: its first output position. */
typedef struct {
    int32_t row;
    int32_t column;
} tile;

static tile tile_at(int32_t index, const mcu_conv2d_winograd_s8_dsp_params *p) {
    const int32_t across = (p->out_w + TILE - 1) / TILE;
    const tile t = {index / across * TILE, index % across * TILE};
    return t;
}

/* Pixels of `count` bytes in all, a multiple of 16. */
static void copy_pixels(int8_t *to, const int8_t *from, int32_t count) {
    for (int32_t i = 0; i < count; i += 16) {
        const int32_t a = mcu_load4(from + i);
        const int32_t b = mcu_load4(from + i + 4);
        const int32_t c = mcu_load4(from + i + 8);
        const int32_t d = mcu_load4(from + i + 12);
        mcu_store4(to + i, a);
        mcu_store4(to + i + 4, b);
        mcu_store4(to + i + 8, c);
        mcu_store4(to + i + 12, d);
    }
}

/* Collects six rows of six pixels at row y, column x, which may lie outside in part. */
static void collect(int8_t *to, const int8_t *image, int32_t y, int32_t x,
                    const mcu_conv2d_winograd_s8_dsp_params *p) {
    const int32_t pitch = WINDOW * p->in_ch;
    const int32_t begin = mcu_clamp(-x, 0, WINDOW) * p->in_ch;
    const int32_t end = mcu_clamp(p->in_w - x, 0, WINDOW) * p->in_ch;
    for (int32_t row = y; row < y + WINDOW; row++, to += pitch) {
        if (row < 0 || row >= p->in_h) {
            (void)memset(to, p->input_zero_point, (size_t)pitch);
            continue;
        }
        if (begin > 0) {
            (void)memset(to, p->input_zero_point, (size_t)begin);
        }
        if (end < pitch) {
            (void)memset(to + end, p->input_zero_point, (size_t)(pitch - end));
        }
        copy_pixels(to + begin, image + ((row * p->in_w + x) * p->in_ch + begin), end - begin);
    }
}

/* V of the tile t; `bytes` has room for its inputs. */
static void begin(int32_t *v, int8_t *bytes, const int8_t *image, tile t,
                  const mcu_conv2d_winograd_s8_dsp_params *p) {
    const int32_t y = t.row - p->pad_top;
    const int32_t x = t.column - p->pad_left;
    if (y >= 0 && x >= 0 && y + WINDOW <= p->in_h && x + WINDOW <= p->in_w) {
        mcu_winograd_input(v, image + (y * p->in_w + x) * p->in_ch, p->in_ch, p->in_w * p->in_ch);
        return;
    }
    collect(bytes, image, y, x, p);
    mcu_winograd_input(v, bytes, p->in_ch, WINDOW * p->in_ch);
}

/* The positions of a tile that are in the output, of four channels. */
static void clip(int8_t *output, const int8_t *from, tile t, int32_t channel,
                 const mcu_conv2d_winograd_s8_dsp_params *p) {
    for (int32_t y = t.row; y < t.row + TILE; y++) {
        for (int32_t x = t.column; x < t.column + TILE; x++, from += OUTPUTS) {
            if (y < p->out_h && x < p->out_w) {
                mcu_store4(output + (y * p->out_w + x) * p->out_ch + channel, mcu_load4(from));
            }
        }
    }
}

void mcu_conv2d_winograd_s8_dsp(const mcu_conv2d_winograd_s8_dsp_params *params,
                                const int8_t *input, int8_t *output, void *scratch) {
    const mcu_conv2d_winograd_s8_dsp_params *const p = params;
    const int32_t pairs = p->in_ch / 2;
    const int32_t tiles = (p->out_h + TILE - 1) / TILE * ((p->out_w + TILE - 1) / TILE);
    int32_t *const v = scratch;
    int32_t *const m = v + pairs * PAIR_WORDS;
    int8_t *const bytes = (int8_t *)m; /* no m is needed yet when they are */
    const product_args products = {
        .v = v,
        .v_end = v + pairs * PAIR_WORDS,
        .back = 4 * (pairs * PAIR_WORDS - TILES),
        .at_end = v + PAIR_WORDS,
        .m = m,
    };
    output_args outputs = {
        .form = p->form,
        .count = TILES * OUTPUTS,
        .four_ninths = MCU_FOUR_NINTHS,
    };
    int8_t spare[TILES][TILE * TILE * OUTPUTS];

    for (int32_t image = 0; image < p->batch; image++) {
        for (int32_t i = 0; i < tiles; i += TILES) {
            /* A last tile without a partner is its own: the same bytes are written twice. */
            const tile a = tile_at(i, p);
            const tile b = tile_at((i + 1 < tiles) ? i + 1 : i, p);
            const int whole = a.row + TILE <= p->out_h && b.row + TILE <= p->out_h &&
                              a.column + TILE <= p->out_w && b.column + TILE <= p->out_w;
            const int32_t *stream = p->stream;
            begin(v, bytes, input, a, p);
            begin(v + 1, bytes, input, b, p);
            for (int32_t channel = 0; channel < p->out_ch; channel += OUTPUTS) {
                multiply(stream, &products);
                stream += POSITIONS * OUTPUTS * pairs;
                outputs.constants = stream;
                stream += OUTPUTS * (mcu_times_576_is_short(p->form) ? 3 : 4);
                outputs.output = spare[0];
                outputs.output2 = spare[1];
                if (whole) {
                    outputs.output = output + (a.row * p->out_w + a.column) * p->out_ch + channel;
                    outputs.output2 = output + (b.row * p->out_w + b.column) * p->out_ch + channel;
                }
                outputs.out_ch = whole ? p->out_ch : OUTPUTS;
                outputs.row_step = whole ? (p->out_w - TILE + 1) * p->out_ch : OUTPUTS;
                finish(m, &outputs);
                if (!whole) {
                    clip(output, spare[0], a, channel, p);
                    clip(output, spare[1], b, channel, p);
                }
            }
        }
        input += p->in_h * p->in_w * p->in_ch;
        output += p->out_h * p->out_w * p->out_ch;
    }
}
