/* mcu_conv2d_stack_s16_dsp.c: 2-D convolution of int16 values with int8 weights, windows of up to
 * 32 words.
 *
 * Two output channels of four positions at a time, see mcu_windows_s16_dsp.h. Windows lie on the
 * stack and are read relative to the stack pointer: that saves a register for their address. Their
 * words end where 32 would: the core jumps over the products that are too many. In the stream the
 * last two words come first; words are even in number, one that no taps need has weights 0.
 *
 * On a Cortex-M4 two words of two channels and four positions take 10 loads (13 cycles), 4 SXTB16
 * and 16 SMLAD: 33 cycles for 32 products; two channels of four positions take about 46 more.
 * Registers beside the sums: r0 stream, r1-r3 values, r4 lr weights of B and A.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_s16_dsp.h"

#include "mcu_windows_s16_dsp.h"

enum {
    MOST = 32,       /* words */
    STEP_BYTES = 104 /* of code for two words */
};

/* What the core needs for four positions. */
typedef struct {
    const int32_t *stream; /* with the next seven words the state of mcu_state.h */
    const int32_t *end;    /* of the stream */
    int16_t *output;       /* of the first position */
    int32_t pitch;         /* bytes from a position to the next */
    int32_t skip;          /* bytes of code to jump over, times 2, and 1 for a ReLU */
    const int32_t *tail;   /* where the stream ends, if channels are odd, or NULL */
    int32_t unused[2];
    int32_t words;
    mcu_ws_position at;
} step;

MCU_CALLED_BY_ASSEMBLY
static void fill_window(step *of, int32_t *window) {
    mcu_ws_gather_four(window + MCU_WS_POSITIONS * (MOST - of->words), &of->at);
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define STREAM "0"
#define END "1"
#define OUTPUT "2"
#define PITCH "3"
#define SKIP "4"
#define TAIL "5"

/* Where the windows lie: behind the state, if that is on the stack. */
#if defined(__ARM_FP)
#define PLACE "0"
#else
#define PLACE "32"
#endif

#define X(reg, at) "ldr " reg ", [sp, #" PLACE " + " at "]\n"
#define ADD(a, b, x, to_a, to_b) "smlad " a ", lr, " x ", " to_a "\n smlad " b ", r4, " x ", " to_b "\n"

/* Two words of each position, `at` bytes on; sums go on from a0 to a2, b0 to b2. */
#define PRODUCTS(at, a0, a1, a2, b0, b1, b2)                                                       \
    "ldr lr, [r0], #4\n" X("r1", at) X("r2", at " + 4") X("r3", at " + 8")                         \
    "sxtb16 r4, lr, ror #8\n sxtb16 lr, lr\n"                                                     \
    ADD("r5", "r9", "r1", a0, b0) ADD("r6", "r10", "r2", a1, b1) ADD("r7", "r11", "r3", a2, b2)    \
    X("r1", at " + 12") X("r3", at " + 16") "ldr r2, [r0], #4\n"                                   \
    ADD("r8", "r12", "r1", "r8", "r12")                                                            \
    "sxtb16 r4, r2, ror #8\n sxtb16 lr, r2\n"                                                     \
    ADD("r5", "r9", "r3", "r5", "r9")                                                              \
    X("r1", at " + 20") X("r2", at " + 24") X("r3", at " + 28")                                    \
    ADD("r6", "r10", "r1", "r6", "r10") ADD("r7", "r11", "r2", "r7", "r11")                        \
    ADD("r8", "r12", "r3", "r8", "r12")

MCU_ASSEMBLY_FUNCTION
static void core(step *of MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n sub sp, #16 * 32 + 4\n"
        "mov r4, r0\n mov r1, sp\n bl fill_window\n mov r1, r4\n"
        MCU_STATE_ENTER
        MCU_GET("r0", STREAM)
        ".balign 4\n"
        "1:\n"
        "ldr r8, [r0], #4\n ldr r12, [r0], #4\n" /* the biases, those of the last position */
        PRODUCTS("16 * 30", "r8", "r8", "r8", "r12", "r12", "r12")
        MCU_GET("r2", SKIP)
        "lsrs.w r2, r2, #1\n" /* carry: a ReLU */
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of the first word */
        ".set .Lat, 0\n .rept 15\n"
        PRODUCTS(".Lat", "r5", "r6", "r7", "r9", "r10", "r11")
        ".set .Lat, .Lat + 32\n .endr\n"
        MCU_WS_FINISH("cc", OUTPUT, PITCH)
        MCU_GET("r2", END)
        "cmp r0, r2\n bne.w 1b\n"
        MCU_GET("r2", TAIL)
        "cbnz r2, 5f\n"
        MCU_STATE_LEAVE
        "add sp, #16 * 32 + 4\n pop {r4-r11, pc}\n"
        "5:\n" /* the last two channels once more, from the one before these on */
        "sub r1, #2\n movs r3, #0\n"
        MCU_PUT(OUTPUT, "r1") MCU_PUT(END, "r2") MCU_PUT(TAIL, "r3")
        "b.w 1b\n"
        MCU_WS_FINISH_SIGNED);
}

/* clang-format on */

#else

static void core(step *of) {
    const mcu_conv2d_s16_dsp_params *const p = of->at.p;
    const int32_t words = 2 * of->words + p->is_relu;
    int32_t window[MCU_WS_POSITIONS * (MOST + 2)] = {0};
    fill_window(of, window + 2 * MCU_WS_POSITIONS);
    int32_t *const first = window + MCU_WS_POSITIONS * (MOST - of->words);
    (void)memcpy(first, window + MCU_WS_POSITIONS * MOST, 8 * MCU_WS_POSITIONS);
    mcu_ws_pairs(of->stream, of->end, first, words, MCU_WS_POSITIONS, of->output, p->out_ch);
    if (of->tail != NULL) {
        mcu_ws_pairs(of->end, of->tail, first, words, MCU_WS_POSITIONS,
                     of->output + p->out_ch - MCU_WS_CHANNELS, p->out_ch);
    }
}

#endif

/* The positions that are left behind steps of four. */
MCU_OUT_OF_LINE
static void rest(step *of, int32_t left) {
    int32_t window[MCU_WS_POSITIONS * (MOST + 2)]; /* the last two words are first, and last */
    int32_t *const last = window + MCU_WS_POSITIONS * of->words;
    const mcu_conv2d_s16_dsp_params *const p = of->at.p;
    last[MCU_WS_POSITIONS] = 0;
    for (; left > 0; left--, of->output += p->out_ch) {
        mcu_ws_gather(window + 2 * MCU_WS_POSITIONS, &of->at);
        window[0] = last[0];
        window[MCU_WS_POSITIONS] = last[MCU_WS_POSITIONS];
        mcu_ws_single(p, window, of->words, of->output);
    }
}

void mcu_conv2d_stack_s16_dsp(const mcu_conv2d_s16_dsp_params *params, const int16_t *input,
                              int16_t *output) {
    const mcu_conv2d_s16_dsp_params *const p = params;
    const int32_t words = (mcu_ws_words(p) + 1) / 2 * 2;
    const int32_t size = words + MCU_WS_AROUND;
    int32_t left = p->batch * p->out_h * p->out_w;
    step of = {.stream = p->stream, .output = output, .pitch = 2 * p->out_ch, .words = words};
    MCU_ASSERT(p->out_ch >= MCU_WS_CHANNELS && p->kernel_w * p->in_ch >= 2 && words <= MOST);

    of.end = p->stream + p->out_ch / MCU_WS_CHANNELS * size;
    of.tail = (p->out_ch % MCU_WS_CHANNELS != 0) ? of.end + size : NULL;
    of.skip = STEP_BYTES * (MOST - words) + p->is_relu;
    of.at = mcu_ws_begin(p, input);
    for (; left >= MCU_WS_POSITIONS; left -= MCU_WS_POSITIONS) {
        core(&of);
        of.output += MCU_WS_POSITIONS * p->out_ch;
    }
    if (left > 0) {
        rest(&of, left);
    }
}
