/* mcu_conv2d_3x3_stack_s8_dsp.c: 3x3 convolution on int8, stride 1, with the window on the stack.
 *
 * Four neighbours see three rows of six input pixels x0 to x5. Column k of the weights meets x(k)
 * x(k+1) x(k+2) x(k+3): six loads serve twelve products of each pair of output channels with two
 * input channels, 39 cycles for 48 products where mcu_conv2d_3x3_s8_dsp takes 43.
 * mcu_stack_window.h says the rest.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_3x3_stack_s8_dsp.h"

#include "mcu_dsp.h"
#include "mcu_port.h"
#include "mcu_stack_window.h"

enum { STRIDE = 1, ROWS = 2, COLUMNS = 6 };

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

MCU_CALLED_BY_ASSEMBLY
static void fill_window(const mcu_stack_window *at, int32_t *window) {
    mcu_stack_fill(at, window, COLUMNS, widen);
}

#define X MCU_STACK_X
#define W MCU_STACK_W
#define TIMES MCU_STACK_TIMES

/* A row and a pair of channels, `at` bytes on in the window: 39 cycles, of which FIRST are six. */
#define FIRST(at) X("r1", at) X("r2", at "+4") X("r3", at "+8") X("r4", at "+12") W
#define REST(at)                                                                                   \
    W X("r1", at "+16") TIMES("r2", "r3", "r4", "r1")                                              \
    W X("r2", at "+20") TIMES("r3", "r4", "r1", "r2")
#define STEP(at) FIRST(at) TIMES("r1", "r2", "r3", "r4") REST(at)
#define ROW(at)                                                                                    \
    STEP(at "+24") STEP(at "+48") STEP(at "+72") STEP(at "+96") STEP(at "+120") STEP(at "+144")    \
    STEP(at "+168")

MCU_ASSEMBLY_FUNCTION
static void pass(mcu_stack_window *at MCU_UNUSED) {
    __asm__(MCU_STACK_PASS("780", "2", "192", FIRST("0"),
                           REST("0") ROW("0") STEP("192") ROW("192") STEP("384") ROW("384")));
}

/* clang-format on */

#else

static void widen(int32_t *window, const int8_t *from, int32_t in_ch, int32_t pitch, int32_t rows) {
    mcu_stack_widen(window, from, in_ch, pitch, rows, COLUMNS);
}

static void pass(mcu_stack_window *at) { mcu_stack_pass(at, COLUMNS, STRIDE, widen); }

#endif

void mcu_conv2d_3x3_stack_s8_dsp(const mcu_conv2d_3x3_stack_s8_dsp_params *params,
                                 const int8_t *input, int8_t *output, void *scratch) {
    mcu_stack_convolve(params, input, output, scratch, STRIDE, ROWS, pass);
}
