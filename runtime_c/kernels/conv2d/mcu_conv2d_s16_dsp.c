/* mcu_conv2d_s16_dsp.c: 2-D convolution of int16 values with int8 weights, any window.
 *
 * Two output channels of four positions at a time, see mcu_windows_s16_dsp.h. Windows lie in
 * scratch. On a Cortex-M4 two taps of two channels and four positions take 5 loads (7 cycles), 2
 * SXTB16 and 8 SMLAD: 17 cycles for 16 products; two channels of four positions take about 48 more,
 * and 4 for each further 32 taps.
 * Registers beside the sums: r0 stream, r1 window, r2 r3 weights of A and B, r4 lr values.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_s16_dsp.h"

#include <stddef.h>

#include "mcu_windows_s16_dsp.h"

enum { UNROLL = 16, STEP_BYTES = 60 /* of code for two taps */ };

/* What the core needs for four positions: the state of mcu_state.h. */
typedef struct {
    const int32_t *window;
    const int8_t *window_end; /* two bytes less for a ReLU, which is how the core knows */
    int32_t skip;             /* bytes of unrolled code to skip in the first round */
    const int32_t *end;       /* of the stream */
    int16_t *output;          /* of the first position */
    int32_t pitch;            /* bytes from a position to the next */
    int32_t unused[2];
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define WINDOW "0"
#define WINDOW_END "1"
#define SKIP "2"
#define END "3"
#define OUTPUT "4"
#define PITCH "5"

/* Two taps. Sums go on from a0 to a3, b0 to b3. */
#define PRODUCTS(a0, a1, a2, a3, b0, b1, b2, b3)                                                   \
    "ldr r2, [r0], #4\n ldr r4, [r1], #4\n ldr lr, [r1], #4\n"                                    \
    "sxtb16 r3, r2, ror #8\n sxtb16 r2, r2\n"                                                     \
    "smlad r5, r2, r4, " a0 "\n smlad r6, r2, lr, " a1 "\n"                                       \
    "smlad r9, r3, r4, " b0 "\n smlad r10, r3, lr, " b1 "\n"                                      \
    "ldr r4, [r1], #4\n ldr lr, [r1], #4\n"                                                       \
    "smlad r7, r2, r4, " a2 "\n smlad r8, r2, lr, " a3 "\n"                                       \
    "smlad r11, r3, r4, " b2 "\n smlad r12, r3, lr, " b3 "\n"

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        MCU_STATE_ENTER
        ".balign 4\n"
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
        MCU_WS_FINISH("eq", OUTPUT, PITCH) /* the end lies in front of the end for a ReLU */
        MCU_GET("r2", END)
        "cmp r0, r2\n bne.w 1b\n"
        MCU_STATE_LEAVE
        "pop {r4-r11, pc}\n"
        MCU_WS_FINISH_SIGNED);
}

/* clang-format on */

#else

static void core(const int32_t *stream, const core_args *args) {
    const int32_t bytes = (int32_t)(args->window_end - (const int8_t *)args->window);
    const int32_t is_relu = (bytes % 4 != 0) ? 1 : 0;
    const int32_t words = (bytes + 2) / (4 * MCU_WS_POSITIONS);
    mcu_ws_pairs(stream, args->end, args->window, 2 * words + is_relu, MCU_WS_POSITIONS,
                 args->output, args->pitch / 2);
}

#endif

void mcu_conv2d_s16_dsp(const mcu_conv2d_s16_dsp_params *params, const int16_t *input,
                        int16_t *output, void *scratch) {
    const mcu_conv2d_s16_dsp_params *const p = params;
    const int32_t words = mcu_ws_words(p);
    const int32_t later = words - 1; /* than the first */
    const int32_t rounds = (later + UNROLL - 1) / UNROLL;
    const int32_t size = words + MCU_WS_AROUND;
    const int32_t *const end = p->stream + p->out_ch / MCU_WS_CHANNELS * size;
    int32_t *const window = scratch;
    mcu_ws_position at = mcu_ws_begin(p, input);
    core_args args = {.window = window, .pitch = 2 * p->out_ch};
    int32_t left = p->batch * p->out_h * p->out_w;
    MCU_ASSERT(p->out_ch >= MCU_WS_CHANNELS && p->kernel_w * p->in_ch >= 2);

    args.window_end = (const int8_t *)(window + MCU_WS_POSITIONS * words) - 2 * p->is_relu;
    args.skip = STEP_BYTES * ((rounds > 0) ? UNROLL * rounds - later : UNROLL);
    for (; left >= MCU_WS_POSITIONS; left -= MCU_WS_POSITIONS) {
        mcu_ws_gather_four(window, &at);
        args.output = output;
        args.end = end;
        core(p->stream, &args);
        output += MCU_WS_POSITIONS * p->out_ch;
        if (p->out_ch % MCU_WS_CHANNELS != 0) {
            args.output += p->out_ch - MCU_WS_CHANNELS;
            args.end = end + size;
            core(end, &args);
        }
    }
    for (; left > 0; left--, output += p->out_ch) {
        mcu_ws_gather(window, &at);
        mcu_ws_single(p, window, words, output);
    }
}
