/* mcu_conv2d_3x3_stack_s8_dsp.c: 3x3 convolution on int8, stride 1, with the window on the stack.
 *
 * Four neighbours see three rows of six input pixels x0 to x5. Column k of the weights meets x(k)
 * x(k+1) x(k+2) x(k+3): six loads serve twelve products of each pair of output channels with two
 * input channels, 39 cycles for 48 products where mcu_conv2d_3x3_s8_dsp takes 43.
 * mcu_stack_window.h says the rest.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_3x3_stack_s8_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_port.h"
#include "mcu_stack_window.h"

enum { COLUMNS = 6, ROW_WORDS = MCU_STACK_PAIRS * COLUMNS, WORDS = MCU_STACK_ROWS * ROW_WORDS };

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

static void widen(int32_t *window, const int8_t *from, int32_t in_ch, int32_t pitch, int32_t rows) {
    mcu_stack_widen(window, from, in_ch, pitch, rows, COLUMNS);
}

#endif

MCU_CALLED_BY_ASSEMBLY
static void fill_window(const mcu_stack_window *at, int32_t *window) {
    const int32_t pitch = at->in_w * at->in_ch;
    if (at->y >= 0 && at->y + MCU_STACK_ROWS <= at->in_h && at->x >= 0 &&
        at->x + COLUMNS <= at->in_w) {
        widen(window, at->image + at->y * pitch + at->x * at->in_ch, at->in_ch, pitch,
              MCU_STACK_ROWS);
        return;
    }
    const mcu_stack_part part = mcu_stack_clip(at, COLUMNS);
    if (part.top < part.bottom) {
        widen(window + part.top * ROW_WORDS + (part.from - at->x),
              at->image + (at->y + part.top) * pitch + part.from * at->in_ch, at->in_ch, pitch,
              part.bottom - part.top);
    }
    mcu_stack_pad(at, part, window, COLUMNS);
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define X MCU_STACK_X
#define W MCU_STACK_W
#define TIMES MCU_STACK_TIMES

/* A row and a pair of channels, `at` bytes on in the window: 39 cycles. */
#define STEP(at)                                                                                   \
    X("r1", at) X("r2", at "+4") X("r3", at "+8") X("r4", at "+12") W TIMES("r1", "r2", "r3", "r4") \
    W X("r1", at "+16") TIMES("r2", "r3", "r4", "r1")                                              \
    W X("r2", at "+20") TIMES("r3", "r4", "r1", "r2")
#define ROW(at)                                                                                    \
    STEP(at) STEP(at "+24") STEP(at "+48") STEP(at "+72") STEP(at "+96") STEP(at "+120")           \
    STEP(at "+144") STEP(at "+168")

MCU_ASSEMBLY_FUNCTION
static const int32_t *pass(const int32_t *stream MCU_UNUSED, const mcu_stack_window *at MCU_UNUSED) {
    __asm__(MCU_STACK_PASS("588", ROW("0") ROW("192") ROW("384")));
}

/* clang-format on */

#else

static const int32_t *pass(const int32_t *stream, const mcu_stack_window *at) {
    int32_t words[WORDS + 2]; /* a word before and behind the window is lost */
    fill_window(at, words + 1);
    return mcu_stack_pass(stream, at, words + 1, COLUMNS, 1);
}

#endif

void mcu_conv2d_3x3_stack_s8_dsp(const mcu_conv2d_3x3_stack_s8_dsp_params *params,
                                 const int8_t *input, int8_t *output, void *scratch) {
    const mcu_conv2d_3x3_stack_s8_dsp_params *const p = params;
    const int32_t end = (p->fixed != 0) ? MCU_STACK_FIXED : MCU_STACK_GENERAL;
    const int32_t last = p->out_w - MCU_STACK_PIXELS;
    mcu_stack_window at = {
        .keep = scratch,
        .out_ch = p->out_ch,
        .pairs = p->out_ch / 2,
        .in_h = p->in_h,
        .in_w = p->in_w,
        .in_ch = p->in_ch,
        .outside = mcu_lanes(p->input_zero_point, p->input_zero_point),
    };
    const int8_t *image = input;
    for (int32_t batch = 0; batch < p->batch; batch++) {
        for (int32_t row = 0; row < p->out_h; row++) {
            for (int32_t next = 0; next < p->out_w; next += MCU_STACK_PIXELS) {
                /* The last step of a row begins again where there are four pixels. */
                const int32_t column = (next < last) ? next : last;
                const int32_t *stream = p->stream;
                at.y = row - p->pad_top;
                at.x = column - p->pad_left;
                at.output = output + (row * p->out_w + column) * p->out_ch;
                at.begin = NULL;
                for (int32_t channel = 0; channel < p->in_ch; channel += MCU_STACK_DEPTH) {
                    at.image = image + channel;
                    at.end = (channel + MCU_STACK_DEPTH < p->in_ch) ? MCU_STACK_KEPT : end;
                    stream = pass(stream, &at);
                    at.begin = scratch;
                }
            }
        }
        image += p->in_h * p->in_w * p->in_ch;
        output += p->out_h * p->out_w * p->out_ch;
    }
}
