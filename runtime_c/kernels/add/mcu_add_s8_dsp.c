/* mcu_add_s8_dsp.c: sum of two int8 tensors of one shape, eight elements at a time.
 *
 * The same linear function of both operands as mcu_add_s8_linear, which says why it is exact. Words
 * of four elements are loaded and stored; of each, SXTB with a rotation takes an element, two MLA
 * make the sum and SSAT saturates it: 8 cycles for an element on a Cortex-M4.
 * Registers: r0 r1 operands, r2 output, r3 elements left, r4 r5 multipliers, r6 offset, r7 shift,
 * r8 r9 words of the operands, r10 r11 elements, r12 the result.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_add_s8_dsp.h"

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"

enum { BLOCK = 8 };

static int8_t sum(const mcu_add_s8_linear_params *p, int32_t a, int32_t b) {
    /* int32: the extremes of both operands were tried. */
    return mcu_ssat8((a * p->multiplier1 + b * p->multiplier2 + p->offset) >> p->shift);
}

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define SUM(to, rotate)                                                                            \
    "sxtb " to ", r8" rotate "\n sxtb r11, r9" rotate "\n"                                         \
    "mla " to ", " to ", r4, r6\n mla " to ", r11, r5, " to "\n"                                   \
    "asrs " to ", r7\n ssat " to ", #8, " to "\n"
#define FOUR                                                                                       \
    "ldr r8, [r0], #4\n ldr r9, [r1], #4\n"                                                        \
    SUM("r12", "") SUM("r10", ", ror #8") "bfi r12, r10, #8, #8\n"                                 \
    SUM("r10", ", ror #16") "bfi r12, r10, #16, #8\n"                                              \
    SUM("r10", ", ror #24") "bfi r12, r10, #24, #8\n"                                              \
    "str r12, [r2], #4\n"

/* The count is a multiple of eight, and not 0. */
MCU_ASSEMBLY_FUNCTION
static void sums(const int8_t *a MCU_UNUSED, const int8_t *b MCU_UNUSED, int8_t *to MCU_UNUSED,
                 int32_t count MCU_UNUSED, const mcu_add_s8_linear_params *p MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldr r12, [sp, #36]\n add r12, #4\n ldm r12, {r4-r7}\n" /* behind the count */
        ".balign 4\n"
        "1:\n"
        FOUR FOUR
        "subs r3, #8\n bne.w 1b\n"
        "pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

static void sums(const int8_t *a, const int8_t *b, int8_t *to, int32_t count,
                 const mcu_add_s8_linear_params *p) {
    for (int32_t i = 0; i < count; i += 4) {
        int8_t four[4]; /* all are read first: the output may begin where an operand does */
        for (int32_t k = 0; k < 4; k++) {
            four[k] = sum(p, a[i + k], b[i + k]);
        }
        mcu_store4(to + i, mcu_load4(four));
    }
}

#endif

void mcu_add_s8_dsp(const mcu_add_s8_linear_params *params, const int8_t *input1,
                    const int8_t *input2, int8_t *output) {
    const int32_t whole = params->count / BLOCK * BLOCK;
    MCU_ASSERT(params->shift >= 0 && params->shift <= 31);

    if (whole > 0) {
        sums(input1, input2, output, whole, params);
    }
    for (int32_t i = whole; i < params->count; i++) {
        output[i] = sum(params, input1[i], input2[i]);
    }
}
