/* mcu_add_s16_dsp.c: sum of two int16 tensors of one shape, four elements at a time.
 *
 * The reference scales both operands, shifted left by 15 bits, to twice the larger of their scales.
 * For the operand `a` of that scale this is exactly a << 14. For the other one, b, and for the sum
 * it is a product with a Q0.31 multiplier, rounded, and a shift, rounded again, halves away from
 * zero:
 *     small = round(b << 16, small_multiplier, small_shift)
 *     output = SSAT(round((a << 15) + 2 * small, multiplier, shift))
 *     round(x, m, s) = (hi(x * m) + 2^(s - 1) - (x < 0 ? 1 : 0)) >> s, hi() rounded
 * The reference subtracts the 1 where hi() < 0; where hi() = 0, both give 0. int32: both terms of
 * the sum are 2^30 at most, and -2^31 fits. SMMLAR is hi() and the addition: 53 cycles for four
 * elements on a Cortex-M4.
 *
 * Registers: r0 r1 operands a b, r2 output, r4 r7 multipliers, r5 r8 half steps 2^(s - 1), r6 r9
 * shifts in their low bytes, above them -2^15 and the fours left; r10 r11 words of the operands,
 * r12 lr an element.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_add_s16_dsp.h"

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"

enum { BLOCK = 4 };

static int32_t round_twice(int32_t x, int32_t multiplier, int32_t shift) {
    const int32_t half = (int32_t)1 << (shift - 1);
    return (mcu_smmulr(x, multiplier) + half + (x >> 31)) >> shift;
}

static int16_t sum(const mcu_add_s16_dsp_params *p, int32_t a, int32_t b) {
    const int32_t small = round_twice(b * (1 << 16), p->small_multiplier, p->small_shift);
    const int32_t twice = a * (1 << 15) + 2 * small;
    const int32_t scaled = round_twice(twice, p->multiplier, p->shift);
    return (int16_t)mcu_clamp(scaled, (p->relu != 0) ? 0 : INT16_MIN, INT16_MAX);
}

#if MCU_DSP_ASSEMBLY

/* What the assembly takes, in this order. */
typedef struct {
    int32_t small_multiplier;
    int32_t small_half;
    int32_t small_shift; /* and -2^15 in the upper half */
    int32_t multiplier;
    int32_t half;
    int32_t shift; /* and 256 times the fours less one */
} core_args;

/* clang-format off */

/* b << 16 in `x`, `half` of the word of a. */
#define SUM(x, half, saturate)                                                                     \
    "add lr, r5, " x ", asr #31\n smmlar " x ", " x ", r4, lr\n asr " x ", r6\n"                   \
    "smul" half "t lr, r10, r6\n rsb " x ", lr, " x ", lsl #1\n"                                   \
    "add lr, r8, " x ", asr #31\n smmlar " x ", " x ", r7, lr\n asr " x ", r9\n"                   \
    saturate(x)
#define TWO(saturate)                                                                              \
    "ldr r10, [r0], #4\n ldr r11, [r1], #4\n"                                                      \
    "lsl r12, r11, #16\n bfc r11, #0, #16\n"                                                       \
    SUM("r12", "b", saturate) SUM("r11", "t", saturate)                                            \
    "pkhbt r12, r12, r11, lsl #16\n str r12, [r2], #4\n"
/* The count of fours is not 0. */
#define CORE(name, saturate)                                                                       \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const int16_t *a MCU_UNUSED, const int16_t *b MCU_UNUSED,                     \
                     int16_t *to MCU_UNUSED, const core_args *args MCU_UNUSED) {                   \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r12, lr}\n"                                                                  \
            "ldm r3, {r4-r9}\n"                                                                    \
            ".balign 4\n"                                                                          \
            "1:\n"                                                                                 \
            TWO(saturate) TWO(saturate)                                                            \
            "subs r9, #256\n bpl.w 1b\n"                                                           \
            "pop {r4-r12, pc}\n");                                                                 \
    }

#define SIGNED(x) "ssat " x ", #16, " x "\n"
#define UNSIGNED(x) "usat " x ", #15, " x "\n"

CORE(sums, SIGNED)
CORE(sums_relu, UNSIGNED)

/* clang-format on */

static void fours(const mcu_add_s16_dsp_params *p, const int16_t *a, const int16_t *b, int16_t *to,
                  int32_t count) {
    const core_args args = {
        .small_multiplier = p->small_multiplier,
        .small_half = (int32_t)1 << (p->small_shift - 1),
        .small_shift = mcu_lanes(p->small_shift, INT16_MIN),
        .multiplier = p->multiplier,
        .half = (int32_t)1 << (p->shift - 1),
        .shift = 256 * (count - 1) + p->shift,
    };
    if (p->relu != 0) {
        sums_relu(a, b, to, &args);
    } else {
        sums(a, b, to, &args);
    }
}

#else

static void fours(const mcu_add_s16_dsp_params *p, const int16_t *a, const int16_t *b, int16_t *to,
                  int32_t count) {
    for (int32_t i = 0; i < BLOCK * count; i += 2) {
        const int16_t one = sum(p, a[i], b[i]); /* both are read before one is written */
        const int16_t other = sum(p, a[i + 1], b[i + 1]);
        to[i] = one;
        to[i + 1] = other;
    }
}

#endif

void mcu_add_s16_dsp(const mcu_add_s16_dsp_params *params, const int16_t *input1,
                     const int16_t *input2, int16_t *output) {
    const int16_t *const a = (params->swapped != 0) ? input2 : input1;
    const int16_t *const b = (params->swapped != 0) ? input1 : input2;
    const int32_t whole = params->count / BLOCK;
    MCU_ASSERT(params->small_shift >= 1 && params->shift >= 1);

    if (whole > 0) {
        fours(params, a, b, output, whole);
    }
    for (int32_t i = BLOCK * whole; i < params->count; i++) {
        output[i] = sum(params, a[i], b[i]);
    }
}
