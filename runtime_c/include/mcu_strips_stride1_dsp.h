/* mcu_strips_stride1_dsp.h: depthwise 3x3 on int16 with int8 weights, stride 1 along strips.
 *
 * Strips as in mcu_strips_dsp.h. A position feeds the outputs at it, before and behind it, so three
 * sums are in flight:
 *
 *     old += (a, b) . (w20, w21) + c * w22       two instructions each, 6 for the 9 products
 *     mid += (a, b) . (w10, w11) + c * w12
 *     new = bias + (a, b) . (w00, w01) + c * w02
 *
 * Then `old` is requantized, is one of the outputs, and its register takes the next `new`. On a
 * Cortex-M4 a position takes 17 cycles, 12 where there are two lines, and a loop of three 4 or 3.
 *
 * Registers: r0 position, r1 bytes from line to line, r2 from the next position to the output that
 * is finished, r3 values, r4-r6 sums, r7-r11 weights, r12 multiplier, lr bias.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_STRIPS_STRIDE1_DSP_H
#define MCU_STRIPS_STRIDE1_DSP_H

#include "mcu_dsp.h"
#include "mcu_strips_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define FINISH(old, sat, then) "smmulr " old ", " old ", r12\n" sat(old) then "strh " old ", [r0, r2]\n"

/* A position of three lines, or of two. `new` and c share registers with what they replace. */
#define POSITION3(old, mid, new, sat, then)                                                        \
    PAIR(new)                                                                                      \
    "smlad " old ", r3, r9, " old "\n smlad " mid ", r3, r8, " mid "\n"                            \
    "smlad " new ", r3, r7, lr\n"                                                                  \
    "ldrh r3, [r0, r1, lsl #1]\n" STEP                                                             \
    "smlabb " old ", r3, r11, " old "\n smlabt " mid ", r3, r10, " mid "\n"                        \
    "smlabb " new ", r3, r10, " new "\n" FINISH(old, sat, then)
#define POSITION2(old, mid, new, sat, then)                                                        \
    PAIR(new) STEP                                                                                 \
    "smlad " old ", r3, r9, " old "\n smlad " mid ", r3, r8, " mid "\n"                            \
    "smlad " new ", r3, r7, lr\n" FINISH(old, sat, then)

/* The first position of all adds to the first output, the next one to the second one, too. */
#define FIRST3  TRIPLE("r5") STEP "smlad r4, r3, r7, r4\n smlabb r4, r6, r10, r4\n"
#define SECOND3                                                                                    \
    TRIPLE("r5") STEP "smlad r4, r3, r8, r4\n smlabt r4, r6, r10, r4\n"                            \
    "smlad r5, r3, r7, lr\n smlabb r5, r6, r10, r5\n"
#define FIRST2  PAIR("r5") STEP "smlad r4, r3, r7, r4\n"
#define SECOND2 PAIR("r5") STEP "smlad r4, r3, r8, r4\n smlad r5, r3, r7, lr\n"

/* sp: end, stream, its end, back, enter, open, tail, first */
#define STRIP(name, sat, lines, shift, load_end, end)                                              \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const mcu_strip *args MCU_UNUSED) {                                          \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n"                                                                  \
            "add r1, r0, #16\n ldm r1, {r4-r11}\n push {r4-r11}\n"                                 \
            "ldm r0, {r0-r3}\n sub r2, r0\n sub r2, r3\n"                                          \
            "1:\n"                                                                                 \
            "ldm r5!, {r7-r12, lr}\n str r5, [sp, #4]\n" shift                                     \
            "ldr r3, [sp, #20]\n mov r4, lr\n cbz r3, 2f\n" FIRST##lines                           \
            "2:\n" SECOND##lines                                                                   \
            "ldr r3, [sp, #16]\n cmp r3, #2\n blt 3f\n beq 4f\n b 7f\n"                             \
            "3:\n cbz r3, 5f\n mov r6, r4\n mov r4, r5\n b.w 6f\n"                                 \
            "4:\n mov r6, r5\n mov r5, r4\n b.w 9f\n"                                              \
            ".p2align 2\n"                                                                         \
            "5:\n" POSITION##lines("r4", "r5", "r6", sat, "")                                      \
            "9:\n" POSITION##lines("r5", "r6", "r4", sat, "")                                      \
            "6:\n" POSITION##lines("r6", "r4", "r5", sat, load_end)                                \
            "cmp r0, " end "\n bne.w 5b\n"                                                         \
            "7:\n ldr r3, [sp, #24]\n cbz r3, 7f\n" STEP FINISH("r4", sat, "")                     \
            "7:\n"                                                                                 \
            "ldr r3, [sp, #12]\n ldr r4, [sp, #0]\n ldr r5, [sp, #4]\n ldr r6, [sp, #8]\n"         \
            "add r0, r3\n adds r4, #2\n str r4, [sp, #0]\n cmp r5, r6\n bne.w 1b\n"                \
            "add sp, #32\n pop {r4-r11, pc}\n");                                                   \
    }

STRIP(three_lines, SSAT, 3, "", "ldr r3, [sp, #0]\n", "r3")
STRIP(three_lines_relu, USAT, 3, "", "ldr r3, [sp, #0]\n", "r3")
STRIP(two_lines, SSAT, 2, SHIFT, "", "r10")
STRIP(two_lines_relu, USAT, 2, SHIFT, "", "r10")

/* clang-format on */

#else

static void three_lines(const mcu_strip *args) { mcu_strips_compute(args, 1, 3, INT16_MIN); }
static void three_lines_relu(const mcu_strip *args) { mcu_strips_compute(args, 1, 3, 0); }
static void two_lines(const mcu_strip *args) { mcu_strips_compute(args, 1, 2, INT16_MIN); }
static void two_lines_relu(const mcu_strip *args) { mcu_strips_compute(args, 1, 2, 0); }

#endif

/// The whole layer.
static inline void mcu_strips_stride1(const mcu_depthwise_conv2d_3x3_s16_dsp_params *p,
                                      const int16_t *input, int16_t *output) {
    const int32_t bytes = 2 * p->step;
    const int32_t looped = p->positions - 2 + p->pad_before;
    mcu_strip strip = mcu_strips_of(p);
    strip.lag = (3 - p->pad_before) * bytes;
    strip.back = 2 - (p->positions + p->pad_behind) * bytes;
    strip.enter = (looped == 0) ? 3 : looped % 3;
    mcu_strips_run_all(&strip, p, input, output);
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_STRIPS_STRIDE1_DSP_H */
