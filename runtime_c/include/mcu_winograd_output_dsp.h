/* mcu_winograd_output_dsp.h: how the Winograd convolution makes outputs of its products.
 *
 * For each tile and output channel there are 6x6 sums m. The outputs are A m A' / 576, where ' is
 * the transpose and
 *         [ 1  1  1  1  1  0 ]
 *     A = [ 0  1 -1  2 -2  0 ]
 *         [ 0  1  1  4  4  0 ]
 *         [ 0  1 -1  8 -8  2 ]
 * All is computed modulo 2^32; mcu_times_576.h says how int8 values come of it. The bias is added
 * to m at row 1, column 1, from where A takes it to all 16 outputs.
 *
 * Of a row's sums m0 to m5 those are stored that cost nothing while products are summed up:
 *     m1, m1 + m2, m1 + m2 + m0, m3, m3 + m4, m3 + m4 + m5
 * of which A takes 8 instructions instead of 10.
 *
 * Constants of a channel, four words: 576 * bias + extra, multiplier, offset and, for SIGNED,
 * moved, for GENERAL, shift.
 *
 * On a Cortex-M4 a tile takes for each channel 280 cycles as FIXED, 320 as SIGNED.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_WINOGRAD_OUTPUT_DSP_H
#define MCU_WINOGRAD_OUTPUT_DSP_H

#include <stdint.h>

#include "mcu_dsp.h"
#include "mcu_state.h"
#include "mcu_times_576.h"
#include "mcu_winograd_input_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MCU_WINOGRAD_OUTPUTS = 4,  /* channels of a round */
    MCU_WINOGRAD_CONSTANTS = 4 /* words of a channel */
};

/* What a round of two tiles and four channels needs: the state of mcu_state.h. */
typedef struct {
    int8_t *output; /* of the first tile */
    int8_t *output2;
    int32_t out_ch;    /* bytes from column to column of the output */
    int32_t row_pitch; /* from row to row */
    const int32_t *constants;
    int32_t form;
    int32_t count; /* of tiles times channels */
    uint32_t four_ninths;
} mcu_winograd_outputs;

/* The outputs of a round. m: for each tile, for each channel, six rows of six sums; it is lost. */
#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define OUTPUT "0"
#define OUTPUT2 "1"
#define OUT_CH "2"
#define ROW_PITCH "3"
#define FIRST "3" /* constants, once the pitch is in a register */
#define CONSTANTS "4"
#define FORM "5"
#define COUNT "6"
#define NINTHS "7"

/* The four columns of a row of m, in place. */
#define M_ROW(bias)                                                                                \
    "ldm r0!, {r4-r9}\n" bias                                                                      \
    "add r6, r6, r8\n rsb r4, r5, r4, lsl #1\n rsb r7, r8, r7, lsl #1\n sub r9, r9, r8\n"          \
    "add r5, r5, r8, lsl #2\n add r9, r4, r9, lsl #1\n add r4, r4, r7, lsl #1\n"                   \
    "add r9, r9, r7, lsl #3\n"                                                                     \
    "str r6, [r0, #-24]\n str r4, [r0, #-20]\n str r5, [r0, #-16]\n str r9, [r0, #-12]\n"

/* The four rows of a column: r4, r8, r10, r5. */
#define M_COLUMN(at)                                                                               \
    "ldr r4, [r0, #" at "-144]\n ldr r5, [r0, #" at "-120]\n ldr r6, [r0, #" at "-96]\n"           \
    "ldr r7, [r0, #" at "-72]\n ldr r8, [r0, #" at "-48]\n ldr r9, [r0, #" at "-24]\n"             \
    "add r10, r5, r6\n sub r5, r5, r6\n add r6, r7, r8\n sub r7, r7, r8\n"                         \
    "add r4, r4, r10\n add r4, r4, r6\n add r8, r5, r7, lsl #1\n add r10, r10, r6, lsl #2\n"       \
    "add r5, r5, r7, lsl #3\n add r5, r5, r9, lsl #1\n"

#define FIXED(y) "smmla " y ", " y ", r3, r11\n ssat " y ", #8, " y ", asr #16\n"
#define SIGNED(y)                                                                                  \
    "and r6, r12, " y ", asr #31\n sub r6, r11, r6\n smmla " y ", " y ", r3, r6\n"                 \
    "ssat " y ", #8, " y ", asr #16\n"
#define SCALED(y)                                                                                  \
    "mul " y ", " y ", r12\n smmla " y ", " y ", r3, r11\n ssat " y ", #8, " y ", asr #13\n"
#define GENERAL(y)                                                                                 \
    "mul " y ", " y ", r2\n asr " y ", #7\n smmulr " y ", " y ", r3\n"                             \
    "add " y ", " y ", " y ", asr #31\n add " y ", r11\n asr " y ", r12\n ssat " y ", #8, " y "\n"

#define STEP "add r1, r2\n"
#define STEP_GENERAL MCU_GET("r6", OUT_CH) "add r1, r6\n"
#define OUTPUT_COLUMN(at, form, step)                                                              \
    M_COLUMN(at) form("r4") form("r8") form("r10") form("r5")                                      \
    "add r6, r1, lr\n strb r4, [r1]\n add r7, r6, lr\n strb r8, [r6]\n"                            \
    "add r6, r7, lr\n strb r10, [r7]\n strb r5, [r6]\n" step
#define OUTPUT_COLUMNS(form, step)                                                                 \
    OUTPUT_COLUMN("0", form, step) OUTPUT_COLUMN("4", form, step)                                  \
    OUTPUT_COLUMN("8", form, step) OUTPUT_COLUMN("12", form, step)

/* r0 m, r1 output, r2 bias, then out_ch or 4 / 9, r3 multiplier, r4-r10 m, r11 offset, r12 moved,
 * shift or 4 / 9, lr row_pitch. */
MCU_ASSEMBLY_FUNCTION
static void mcu_winograd_output(int32_t *m MCU_UNUSED,
                                const mcu_winograd_outputs *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        MCU_GET("lr", ROW_PITCH) MCU_GET("r4", CONSTANTS) MCU_PUT(FIRST, "r4")
        ".balign 4\n"
        "1:\n"
        MCU_GET("r10", CONSTANTS) MCU_GET("r1", OUTPUT)
        "ldm r10!, {r2, r3, r11, r12}\n add r4, r1, #1\n"
        MCU_PUT(OUTPUT, "r4") MCU_PUT(CONSTANTS, "r10")
        M_ROW("") M_ROW("add r4, r2\n add r5, r2\n add r6, r2\n")
        M_ROW("") M_ROW("") M_ROW("") M_ROW("")
        MCU_GET("r4", FORM) MCU_GET("r2", OUT_CH)
        "cmp r4, #1\n bne.w 4f\n"
        OUTPUT_COLUMNS(FIXED, STEP)
        "2:\n"
        MCU_GET("r4", COUNT)
        "subs r4, #1\n beq.w 3f\n"
        MCU_PUT(COUNT, "r4")
        "tst r4, #3\n bne.w 1b\n"
        MCU_GET("r4", OUTPUT2) MCU_GET("r5", FIRST) /* on to the second tile */
        MCU_PUT(OUTPUT, "r4") MCU_PUT(CONSTANTS, "r5")
        "b.w 1b\n"
        "3:\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        "4:\n cmp r4, #2\n bhi.w 5f\n blo.w 6f\n"
        OUTPUT_COLUMNS(SIGNED, STEP)
        "b.w 2b\n"
        "5:\n" MCU_GET("r12", NINTHS)
        OUTPUT_COLUMNS(SCALED, STEP)
        "b.w 2b\n"
        "6:\n" MCU_GET("r2", NINTHS)
        OUTPUT_COLUMNS(GENERAL, STEP_GENERAL)
        "b.w 2b\n");
}

#undef OUTPUT
#undef OUTPUT2
#undef OUT_CH
#undef ROW_PITCH
#undef FIRST
#undef CONSTANTS
#undef FORM
#undef COUNT
#undef NINTHS
#undef M_ROW
#undef M_COLUMN
#undef FIXED
#undef SIGNED
#undef SCALED
#undef GENERAL
#undef STEP
#undef STEP_GENERAL
#undef OUTPUT_COLUMN
#undef OUTPUT_COLUMNS
/* clang-format on */

#else

/* y = A m, of what is stored of a row. */
static inline void mcu_winograd_row(uint32_t *y, const uint32_t *stored) {
    const uint32_t b = 2U * stored[0] - stored[1]; /* m1 - m2 */
    const uint32_t d = 2U * stored[3] - stored[4]; /* m3 - m4 */
    y[0] = stored[2] + stored[4];
    y[1] = b + 2U * d;
    y[2] = stored[1] + 4U * stored[4];
    y[3] = b + 8U * d + 2U * (stored[5] - stored[4]);
}

/* y = A m of a column of four. */
static inline void mcu_winograd_column(uint32_t *y, const uint32_t *m) {
    const uint32_t a = m[4] + m[8];
    const uint32_t b = m[4] - m[8];
    const uint32_t c = m[12] + m[16];
    const uint32_t d = m[12] - m[16];
    y[0] = m[0] + a + c;
    y[1] = b + 2U * d;
    y[2] = a + 4U * c;
    y[3] = b + 8U * d + 2U * m[20];
}

static inline void mcu_winograd_output(int32_t *m, const mcu_winograd_outputs *args) {
    for (int32_t i = 0; i < args->count; i++, m += MCU_WINOGRAD_POSITIONS) {
        const int32_t channel = i % MCU_WINOGRAD_OUTPUTS;
        const int32_t *constants = args->constants + MCU_WINOGRAD_CONSTANTS * channel;
        int8_t *const to = ((i < MCU_WINOGRAD_OUTPUTS) ? args->output : args->output2) + channel;
        uint32_t rows[MCU_WINOGRAD_WINDOW * MCU_WINOGRAD_TILE];
        uint32_t sums[MCU_WINOGRAD_TILE];
        for (int32_t place = 0; place < 3; place++) { /* all that hold m1 of row 1 */
            int32_t *const with_m1 = m + MCU_WINOGRAD_WINDOW + place;
            *with_m1 = (int32_t)((uint32_t)*with_m1 + (uint32_t)constants[0]);
        }
        for (int32_t y = 0; y < MCU_WINOGRAD_WINDOW; y++) {
            mcu_winograd_row(rows + MCU_WINOGRAD_TILE * y,
                             (const uint32_t *)m + MCU_WINOGRAD_WINDOW * y);
        }
        for (int32_t x = 0; x < MCU_WINOGRAD_TILE; x++) {
            mcu_winograd_column(sums, rows + x);
            for (int32_t y = 0; y < MCU_WINOGRAD_TILE; y++) {
                to[y * args->row_pitch + x * args->out_ch] =
                    mcu_times_576(sums[y], constants + 1, args->form);
            }
        }
    }
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* MCU_WINOGRAD_OUTPUT_DSP_H */
