/* mcu_add_s8_dsp.c: sum of two int8 tensors of one shape, eight elements at a time.
 *
 *     SSAT(((a * multiplier1 >> 8) + (b * multiplier2 >> 8) + offset) >> 20)
 * which is tried for all pairs of operands when the project is generated: it equals the reference.
 *
 * Words of four elements are loaded and stored. AND leaves every other element as the upper byte of
 * a lane of 16 bits, which is 2^8 times its value; SMLAWB and SMLAWT multiply a lane with a word,
 * drop 16 bits and add: 49 cycles for eight elements on a Cortex-M4.
 * Registers: r0 r1 operands, r2 output, r3 elements left, r4 r5 multipliers, r6 offset, r7 mask,
 * r8 r9 words and lanes of the operands, r10-r12 lr lanes and sums.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_add_s8_dsp.h"

#include "mcu_dsp.h"

enum { BLOCK = 8, SHIFT = 20 };

/* x * multiplier >> 8, for a multiplier below 2^31 in size. */
static int32_t times(int32_t x, int32_t multiplier) {
    return (int32_t)(((int64_t)x * multiplier) >> 8);
}

static int8_t sum(const mcu_add_s8_dsp_params *p, int32_t a, int32_t b) {
    /* int32: all pairs of operands were tried. */
    return mcu_ssat8((times(a, p->multiplier1) + times(b, p->multiplier2) + p->offset) >> SHIFT);
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define SUM(to, half, a, b)                                                                        \
    "smlaw" half " " to ", r4, " a ", r6\n smlaw" half " " to ", r5, " b ", " to "\n"              \
    "ssat " to ", #8, " to ", asr #20\n"
#define FOUR                                                                                       \
    "ldr r8, [r0], #4\n ldr r9, [r1], #4\n"                                                        \
    "and r10, r7, r8\n and r11, r7, r9\n"                                                          \
    SUM("r12", "b", "r10", "r11") SUM("lr", "t", "r10", "r11")                                     \
    "and r8, r7, r8, lsl #8\n and r9, r7, r9, lsl #8\n"                                            \
    SUM("r10", "b", "r8", "r9") SUM("r11", "t", "r8", "r9")                                        \
    "bfi r10, r12, #8, #8\n bfi r10, r11, #16, #8\n bfi r10, lr, #24, #8\n"                        \
    "str r10, [r2], #4\n"

/* The count is a multiple of eight, and not 0. */
MCU_ASSEMBLY_FUNCTION
static void sums(const int8_t *a MCU_UNUSED, const int8_t *b MCU_UNUSED, int8_t *to MCU_UNUSED,
                 int32_t count MCU_UNUSED, const mcu_add_s8_dsp_params *p MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "mov r7, #0xff00ff00\n"
        "ldr r12, [sp, #36]\n add r12, #4\n ldm r12, {r4-r6}\n" /* behind the count */
        ".balign 4\n"
        "1:\n"
        FOUR FOUR
        "subs r3, #8\n bne.w 1b\n"
        "pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

static void sums(const int8_t *a, const int8_t *b, int8_t *to, int32_t count,
                 const mcu_add_s8_dsp_params *p) {
    for (int32_t i = 0; i < count; i += 4) {
        int8_t four[4]; /* all are read first: the output may begin where an operand does */
        for (int32_t k = 0; k < 4; k++) {
            four[k] = sum(p, a[i + k], b[i + k]);
        }
        mcu_store4(to + i, mcu_load4(four));
    }
}

#endif

void mcu_add_s8_dsp(const mcu_add_s8_dsp_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output) {
    const int32_t whole = params->count / BLOCK * BLOCK;

    if (whole > 0) {
        sums(input1, input2, output, whole, params);
    }
    for (int32_t i = whole; i < params->count; i++) {
        output[i] = sum(params, input1[i], input2[i]);
    }
}
