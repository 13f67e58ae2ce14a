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
 * All of it is exact: |V| <= 17,340 and |U| <= 18,432 fit a lane of 16 bits; M is summed modulo
 * 2^32, and so are the 576 * S that come out for the sums S. mcu_winograd_input_dsp.h makes V,
 * mcu_winograd_output_dsp.h the outputs. A word holds two channels k and k + 2, or k + 1 and k + 3.
 *
 * Three positions follow each other without a new start: they are m1, m2, m0 or m3, m4, m5 of a row
 * of M, whose outputs need m1 + m2 and m3 + m4.
 *
 * The stream holds, for each four output channels, in the order of reading:
 *     per position of U, per pair of input channels: lanes of the four output channels
 *     per channel: the constants of mcu_winograd_output_dsp.h
 *
 * On a Cortex-M4: for each tile and input channel 176 cycles to transform it, 31 more in the first
 * tile of a row; for two tiles 16 for each 16 products, for each position and four output channels
 * 12 more with 16 input channels, else 13 and 5 for each 16 of them; for each tile and output
 * channel 280 or 320.
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
#include "mcu_winograd_output_dsp.h"

enum {
    TILE = MCU_WINOGRAD_TILE,
    WINDOW = MCU_WINOGRAD_WINDOW,
    POSITIONS = MCU_WINOGRAD_POSITIONS,
    TILES = MCU_WINOGRAD_TILES,     /* that are multiplied together */
    OUTPUTS = MCU_WINOGRAD_OUTPUTS, /* channels likewise */
    PAIR_WORDS = MCU_WINOGRAD_PAIR_WORDS
};

/* What the products need: the state of mcu_state.h. */
typedef struct {
    const int32_t *v;
    const int32_t *v_end;  /* behind all pairs of channels */
    int32_t back;          /* bytes of all pairs */
    const int32_t *at_end; /* of the positions in the first pair */
    int32_t *m;
    int32_t unused[3];
} product_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define V "0"
#define V_END "1"
#define BACK "2"
#define AT_END "3"
#define M "4"

/* Two channels of four outputs and two tiles, `k` pairs of channels and `p` positions on. */
#define PRODUCTS(k, p, op, a, b, c, d, e, f, g, h, before_h)                                       \
    "ldr r2, [r0], #4\n ldr r3, [r0], #4\n"                                                        \
    "ldr r4, [r1, #288*" k "+8*" p "]\n ldr lr, [r1, #288*" k "+8*" p "+4]\n"                      \
    op " r5, r2, r4" a "\n " op " r6, r2, lr" b "\n " op " r7, r3, r4" c "\n "                     \
    op " r8, r3, lr" d "\n ldr r2, [r0], #4\n ldr r3, [r0], #4\n "                                 \
    op " r9, r2, r4" e "\n " op " r10, r2, lr" f "\n " op " r11, r3, r4" g "\n "                   \
    before_h op " r12, r3, lr" h "\n"
#define START(p) PRODUCTS("0", p, "smuad", "", "", "", "", "", "", "", "", "")
#define ADD(k, p, before_h)                                                                        \
    PRODUCTS(k, p, "smlad", ", r5", ", r6", ", r7", ", r8", ", r9", ", r10", ", r11", ", r12",     \
             before_h)
#define GO_ON(p) ADD("0", p, "")
#define SEVEN(p, before_h)                                                                         \
    ADD("1", p, "") ADD("2", p, "") ADD("3", p, "") ADD("4", p, "") ADD("5", p, "")                \
    ADD("6", p, "") ADD("7", p, before_h)
#define KEEP(p)                                                                                    \
    "str r5, [r2, #4*" p "]\n str r7, [r2, #4*" p "+144]\n str r9, [r2, #4*" p "+288]\n"           \
    "str r11, [r2, #4*" p "+432]\n str r6, [r2, #4*" p "+576]\n str r8, [r2, #4*" p "+720]\n"      \
    "str r10, [r2, #4*" p "+864]\n str r12, [r2, #4*" p "+1008]\n"
#define NEXT                                                                                       \
    "add r1, #24\n add r2, #12\n" MCU_GET("r3", AT_END) MCU_PUT(M, "r2")                           \
    "cmp r1, r3\n bne.w 1b\n"

/* A position, where a round of eight pairs of channels is all there is. */
#define POSITION(p, first) first(p) SEVEN(p, MCU_GET("r2", M)) KEEP(p)

/* A position otherwise. */
#define ROUNDS(p)                                                                                  \
    "2:\n" GO_ON(p) "3:\n" SEVEN(p, "")                                                            \
    "addw r1, r1, #2304\n" MCU_GET("r2", V_END) "cmp r1, r2\n blo.w 2b\n"                          \
    MCU_GET("r3", BACK) MCU_GET("r2", M) "sub r1, r3\n" KEEP(p)

/* M of two tiles and four output channels, three positions at a time that are summed up.
 * r0 stream, r1 v, r2 r3 weights, r4 lr inputs of both tiles, r5-r12 sums. */
MCU_ASSEMBLY_FUNCTION
static void multiply(const int32_t *stream MCU_UNUSED, const product_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        MCU_GET("r1", V) MCU_GET("r2", BACK)
        "cmp r2, #2304\n bne.w 4f\n"
        ".balign 4\n"
        "1:\n"
        POSITION("0", START) POSITION("1", GO_ON) POSITION("2", GO_ON)
        NEXT
        "5:\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        ".balign 4\n"
        "4:\n"
        "1:\n"
        START("0") "b.w 3f\n .balign 4\n"
        ROUNDS("0") ".balign 4\n" ROUNDS("1") ".balign 4\n" ROUNDS("2")
        NEXT
        "b.w 5b\n");
}

/* clang-format on */

#else

/* M of two tiles and four output channels, three positions at a time that are summed up. */
static void multiply(const int32_t *stream, const product_args *args) {
    int32_t sums[TILES][OUTPUTS];
    for (int32_t i = 0; i < POSITIONS; i++) {
        if (i % 3 == 0) {
            (void)memset(sums, 0, sizeof sums);
        }
        for (const int32_t *v = args->v + TILES * i; v < args->v_end; v += PAIR_WORDS) {
            for (int32_t c = 0; c < OUTPUTS; c++, stream++) {
                for (int32_t t = 0; t < TILES; t++) {
                    sums[t][c] = mcu_smlad(*stream, v[t], sums[t][c]);
                }
            }
        }
        for (int32_t t = 0; t < TILES; t++) {
            for (int32_t c = 0; c < OUTPUTS; c++) {
                args->m[(OUTPUTS * t + c) * POSITIONS + i] = sums[t][c];
            }
        }
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

/* `count` bytes, a multiple of 16, four of which are `four`; returns where they end. */
static int8_t *fill(int8_t *to, int32_t four, int32_t count) {
    for (int8_t *const end = to + count; to < end; to += 16) {
        mcu_store4(to, four);
        mcu_store4(to + 4, four);
        mcu_store4(to + 8, four);
        mcu_store4(to + 12, four);
    }
    return to;
}

/* `count` bytes of the image, likewise. */
static int8_t *copy(int8_t *to, const int8_t *from, int32_t count) {
    for (int8_t *const end = to + count; to < end; to += 16, from += 16) {
        (void)memcpy(to, from, 16);
    }
    return to;
}

/* Collects six rows of so many pixels at row y, column x, which may lie outside in part. What is
 * outside on the right of a row and on the left of the next one is filled at once. */
static void collect(int8_t *to, const int8_t *image, int32_t y, int32_t x, int32_t columns,
                    const mcu_conv2d_winograd_s8_dsp_params *p) {
    const int32_t four = (int32_t)(0x01010101U * (uint8_t)p->input_zero_point);
    const int32_t pitch = columns * p->in_ch;
    const int32_t left = mcu_clamp(-x, 0, columns) * p->in_ch;
    const int32_t inside = mcu_clamp(p->in_w - x, 0, columns) * p->in_ch - left;
    const int32_t top = mcu_clamp(-y, 0, WINDOW);
    const int32_t bottom = mcu_clamp(p->in_h - y, 0, WINDOW);
    const int8_t *from = image + (((y + top) * p->in_w + x) * p->in_ch + left);
    int8_t *const end = to + WINDOW * pitch;
    to = fill(to, four, top * pitch + left);
    for (int32_t row = top; row < bottom; row++, from += p->in_w * p->in_ch) {
        to = copy(to, from, inside);
        to = fill(to, four, (row + 1 < bottom) ? pitch - inside : (int32_t)(end - to));
    }
}

/* What V of a tile is made with. */
typedef struct {
    const int8_t *image;
    int32_t *carried;
    int8_t *bytes; /* room for the inputs of a tile */
} inputs;

/* V of the tile t; if it is not fresh, the tile on its left came just before. */
static void begin(int32_t *v, const inputs *of, tile t, int fresh,
                  const mcu_conv2d_winograd_s8_dsp_params *p) {
    const int32_t first = fresh ? 0 : MCU_WINOGRAD_CARRIED;
    const int32_t columns = WINDOW - first;
    const int32_t y = t.row - p->pad_top;
    const int32_t x = t.column - p->pad_left + first;
    const int8_t *from = of->bytes;
    int32_t pitch = columns * p->in_ch;
    if (y >= 0 && x >= 0 && y + WINDOW <= p->in_h && x + columns <= p->in_w) {
        from = of->image + (y * p->in_w + x) * p->in_ch;
        pitch = p->in_w * p->in_ch;
    } else {
        collect(of->bytes, of->image, y, x, columns, p);
    }
    mcu_winograd_input(v, from, p->in_ch, pitch, of->carried, fresh);
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
    int32_t *const carried = v + pairs * PAIR_WORDS;
    int32_t *const m = carried + pairs * WINDOW * MCU_WINOGRAD_CARRIED;
    const product_args products = {
        .v = v,
        .v_end = v + pairs * PAIR_WORDS,
        .back = 4 * pairs * PAIR_WORDS,
        .at_end = v + PAIR_WORDS,
        .m = m,
    };
    mcu_winograd_outputs outputs = {
        .form = p->form,
        .count = TILES * OUTPUTS,
        .four_ninths = MCU_FOUR_NINTHS,
    };
    int8_t spare[TILES][TILE * TILE * OUTPUTS];

    for (int32_t image = 0; image < p->batch; image++) {
        /* No m is needed yet when the bytes are. */
        const inputs of = {.image = input, .carried = carried, .bytes = (int8_t *)m};
        for (int32_t i = 0; i < tiles; i += TILES) {
            /* A last tile without a partner is its own: the same bytes are written twice. */
            const tile a = tile_at(i, p);
            const int alone = i + 1 == tiles;
            const tile b = tile_at(alone ? i : i + 1, p);
            const int whole = a.row + TILE <= p->out_h && b.row + TILE <= p->out_h &&
                              a.column + TILE <= p->out_w && b.column + TILE <= p->out_w;
            const int32_t *stream = p->stream;
            outputs.output = spare[0];
            outputs.output2 = spare[1];
            outputs.out_ch = OUTPUTS;
            outputs.row_pitch = TILE * OUTPUTS;
            if (whole) {
                outputs.output = output + (a.row * p->out_w + a.column) * p->out_ch;
                outputs.output2 = output + (b.row * p->out_w + b.column) * p->out_ch;
                outputs.out_ch = p->out_ch;
                outputs.row_pitch = p->out_w * p->out_ch;
            }
            begin(v, &of, a, a.column == 0, p);
            begin(v + 1, &of, b, b.column == 0 || alone, p);
            for (int32_t channel = 0; channel < p->out_ch; channel += OUTPUTS) {
                multiply(stream, &products);
                outputs.constants = stream + POSITIONS * OUTPUTS * pairs;
                stream = outputs.constants + OUTPUTS * MCU_WINOGRAD_CONSTANTS;
                mcu_winograd_output(m, &outputs);
                if (whole) {
                    outputs.output += OUTPUTS;
                    outputs.output2 += OUTPUTS;
                } else {
                    clip(output, spare[0], a, channel, p);
                    clip(output, spare[1], b, channel, p);
                }
            }
        }
        input += p->in_h * p->in_w * p->in_ch;
        output += p->out_h * p->out_w * p->out_ch;
    }
}
