/* mcu_depthwise_conv2d_3x3_stride2_s16_dsp.c: depthwise 3x3 on int16 with int8 weights, stride 2.
 *
 * Strips as in mcu_strips_dsp.h. A position feeds two outputs, the next one feeds one of them:
 *
 *     old += (a, b) . (w20, w21) + c * w22       two instructions each, 6 for the 9 products
 *     new = bias + (a, b) . (w00, w01) + c * w02
 *     new += (a, b) . (w10, w11) + c * w12       of the next position
 *
 * In between `old` is requantized, is one of the outputs, and its register takes the next `new`. On
 * a Cortex-M4 an output takes 22 cycles, 16 where there are two lines, and a loop of four 5 or 3.
 *
 * Registers: r0 position, r1 bytes from line to line, r2 output, r3-r6 values and sums, r7-r11
 * weights, r12 multiplier, lr bias.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_3x3_s16_dsp.h"

#include "mcu_dsp.h"
#include "mcu_strips_dsp.h"

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define FINISH(old, sat) "smmulr " old ", " old ", r12\n" sat(old) "strh " old ", [r2]\n"
#define FINISH_AND_GO(old, sat) FINISH(old, sat) "uxtah r2, r2, r11, ror #16\n"

/* Two positions of three lines, or of two. */
#define POSITIONS3(old, new, sat, load_end)                                                        \
    TRIPLE(new) STEP                                                                               \
    "smlad " old ", r3, r9, " old "\n smlad " new ", r3, r7, lr\n"                                 \
    "smlabb " old ", r6, r11, " old "\n smlabb " new ", r6, r10, " new "\n"                        \
    FINISH_AND_GO(old, sat) MIDDLE3(new, old) load_end
#define POSITIONS2(old, new, sat, load_end)                                                        \
    PAIR(new) STEP "smlad " old ", r3, r9, " old "\n smlad " new ", r3, r7, lr\n"                  \
    FINISH_AND_GO(old, sat) MIDDLE2(new, old)
#define FIRST3 TRIPLE("r5") STEP "smlad r4, r3, r7, r4\n smlabb r4, r6, r10, r4\n"
#define FIRST2 PAIR("r5") STEP "smlad r4, r3, r7, r4\n"
#define MIDDLE3(sum, b)                                                                            \
    TRIPLE(b) STEP "smlad " sum ", r3, r8, " sum "\n smlabt " sum ", r6, r10, " sum "\n"
#define MIDDLE2(sum, b) PAIR(b) STEP "smlad " sum ", r3, r8, " sum "\n"
#define LAST3 TRIPLE("r5") STEP "smlad r4, r3, r9, r4\n smlabb r4, r6, r11, r4\n"
#define LAST2 PAIR("r5") STEP "smlad r4, r3, r9, r4\n"

/* sp: last output, stream, its end, back, enter, open, tail, first, bytes to the last output */
#define STRIP(name, sat, lines, shift, load_end, end)                                              \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const mcu_strip *args MCU_UNUSED) {                                           \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n"                                                                  \
            "add r1, r0, #20\n ldm r1, {r5-r12}\n ldm r0, {r0-r2}\n add r4, r2, r12\n"             \
            "push {r4-r12}\n"                                                                      \
            "1:\n"                                                                                 \
            "ldm r5!, {r7-r12, lr}\n str r5, [sp, #4]\n" shift                                     \
            "ldr r3, [sp, #20]\n mov r4, lr\n cbz r3, 2f\n" FIRST##lines                           \
            "2:\n" MIDDLE##lines("r4", "r5")                                                       \
            "ldr r3, [sp, #16]\n cmp r3, #2\n blt 3f\n beq.w 6f\n cmp r3, #3\n bne.w 9f\n"         \
            "mov r5, r4\n b.w 5f\n"                                                                \
            "3:\n cbz r3, 4f\n mov r5, r4\n b.w 7f\n"                                              \
            ".p2align 2\n"                                                                         \
            "4:\n" POSITIONS##lines("r4", "r5", sat, "")                                           \
            "5:\n" POSITIONS##lines("r5", "r4", sat, "")                                           \
            "6:\n" POSITIONS##lines("r4", "r5", sat, "")                                           \
            "7:\n" POSITIONS##lines("r5", "r4", sat, load_end)                                     \
            "cmp r2, " end "\n bne.w 4b\n"                                                         \
            "9:\n ldr r3, [sp, #24]\n cbnz r3, 9f\n" LAST##lines                                   \
            "9:\n" FINISH("r4", sat)                                                               \
            "ldr r3, [sp, #12]\n ldr r4, [sp, #0]\n ldr r5, [sp, #4]\n ldr r6, [sp, #8]\n"         \
            "ldr r7, [sp, #32]\n"                                                                  \
            "add r0, r3\n sub r2, r7\n adds r2, #2\n adds r4, #2\n str r4, [sp, #0]\n"             \
            "cmp r5, r6\n bne.w 1b\n"                                                              \
            "add sp, #36\n pop {r4-r11, pc}\n");                                                   \
    }

STRIP(three_lines, SSAT, 3, "", "ldr r3, [sp, #0]\n", "r3")
STRIP(three_lines_relu, USAT, 3, "", "ldr r3, [sp, #0]\n", "r3")
STRIP(two_lines, SSAT, 2, SHIFT, "", "r10")
STRIP(two_lines_relu, USAT, 2, SHIFT, "", "r10")

/* clang-format on */

#else

static void three_lines(const mcu_strip *args) { mcu_strips_compute(args, 2, 3, INT16_MIN); }
static void three_lines_relu(const mcu_strip *args) { mcu_strips_compute(args, 2, 3, 0); }
static void two_lines(const mcu_strip *args) { mcu_strips_compute(args, 2, 2, INT16_MIN); }
static void two_lines_relu(const mcu_strip *args) { mcu_strips_compute(args, 2, 2, 0); }

#endif

void mcu_depthwise_conv2d_3x3_stride2_s16_dsp(const mcu_depthwise_conv2d_3x3_s16_dsp_params *params,
                                              const int16_t *input, int16_t *output) {
    const mcu_depthwise_conv2d_3x3_s16_dsp_params *const p = params;
    const int32_t looped = (p->positions + p->pad_before + p->pad_behind - 3) / 2;
    mcu_strip strip = mcu_strips_of(p);
    strip.back = 2 - p->positions * 2 * p->step;
    strip.enter = (looped == 0) ? 4 : looped % 4;
    strip.last = looped * 2 * p->step;
    mcu_strips_run_all(&strip, p, input, output);
}
