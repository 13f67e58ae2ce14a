/* mcu_conv2d_3x3_stride2_s8_dsp.c: 3x3 convolution on int8, stride 2, with the window on the stack.
 *
 * Four neighbours see three rows of nine input pixels x0 to x8. Column k of the weights meets x(k)
 * x(k+2) x(k+4) x(k+6); the columns come in the order 0, 2, 1, of which the first two share three
 * pixels: 42 cycles for 48 products. mcu_stack_window.h says the rest.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_3x3_stack_s8_dsp.h"

#include "mcu_dsp.h"
#include "mcu_port.h"
#include "mcu_stack_window.h"

enum { STRIDE = 2, ROWS = 1, COLUMNS = 9 };

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define EVEN(w, at) "sxtb16 r10, " w "\n str r10, [r0, #" at "]\n"
#define ODD(w, at) "sxtb16 " w ", " w ", ror #8\n str " w ", [r0, #36+" at "]\n"

/* Four channels of nine pixels of a row: 54 cycles. */
MCU_ASSEMBLY_FUNCTION
static void widen(int32_t *window MCU_UNUSED, const int8_t *from MCU_UNUSED,
                  int32_t in_ch MCU_UNUSED, int32_t pitch MCU_UNUSED, int32_t rows MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldr r11, [sp, #36]\n" /* rows; above them, quarters of a row */
        "sub r3, #16\n" /* from a row's end to the next one */
        "add lr, r2, r2, lsl #1\n"
        ".balign 4\n"
        "1:\n"
        "add r12, r1, r2, lsl #2\n"
        "ldr r5, [r1, r2]\n ldr r6, [r1, r2, lsl #1]\n ldr r7, [r1, lr]\n ldr r4, [r1], #4\n"
        "ldr r8, [r12]\n ldr r9, [r12, r2, lsl #2]\n"
        EVEN("r4", "0") EVEN("r5", "4") EVEN("r6", "8") EVEN("r7", "12") EVEN("r8", "16")
        EVEN("r9", "32")
        ODD("r4", "0") ODD("r5", "4") ODD("r6", "8") ODD("r7", "12") ODD("r8", "16")
        ODD("r9", "32")
        "ldr r4, [r12, r2]\n ldr r5, [r12, r2, lsl #1]\n ldr r6, [r12, lr]\n"
        EVEN("r4", "20") EVEN("r5", "24") EVEN("r6", "28")
        ODD("r4", "20") ODD("r5", "24") ODD("r6", "28")
        "add r0, #72\n"
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

/* A row and a pair of channels, `at` bytes on in the window: 42 cycles, of which FIRST are six. */
#define FIRST(at) X("r1", at) X("r2", at "+8") X("r3", at "+16") X("r4", at "+24") W
#define REST(at)                                                                                   \
    W X("r1", at "+32") TIMES("r2", "r3", "r4", "r1")                                              \
    X("r1", at "+4") X("r2", at "+12") X("r3", at "+20") X("r4", at "+28") W                       \
    TIMES("r1", "r2", "r3", "r4")
#define STEP(at) FIRST(at) TIMES("r1", "r2", "r3", "r4") REST(at)
#define ROW(at)                                                                                    \
    STEP(at "+36") STEP(at "+72") STEP(at "+108") STEP(at "+144") STEP(at "+180") STEP(at "+216")  \
    STEP(at "+252")

MCU_ASSEMBLY_FUNCTION
static void pass(mcu_stack_window *at MCU_UNUSED) {
    __asm__(MCU_STACK_PASS("876", "1", "288", FIRST("0"),
                           REST("0") ROW("0") STEP("288") ROW("288") STEP("576") ROW("576")));
}

/* clang-format on */

#else

static void widen(int32_t *window, const int8_t *from, int32_t in_ch, int32_t pitch, int32_t rows) {
    mcu_stack_widen(window, from, in_ch, pitch, rows, COLUMNS);
}

static void pass(mcu_stack_window *at) { mcu_stack_pass(at, COLUMNS, STRIDE, widen); }

#endif

void mcu_conv2d_3x3_stride2_s8_dsp(const mcu_conv2d_3x3_stack_s8_dsp_params *params,
                                   const int8_t *input, int8_t *output, void *scratch) {
    mcu_stack_convolve(params, input, output, scratch, STRIDE, ROWS, pass);
}
