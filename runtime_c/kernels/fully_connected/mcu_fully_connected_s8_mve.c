/* mcu_fully_connected_s8_mve.c: dense layer on int8, eight outputs at a time.
 *
 * VMLADAVA adds 16 products to a register, which must be an even one; eight sums fill all of those.
 * Sums are taken modulo 2^32; the input's zero point is folded into the bias. Inputs are read where
 * they are, at any address: loads of bytes need no alignment. The last step loads only the inputs
 * that are there, and zeros.
 *
 * Per 16 inputs: 9 loads, 8 VMLADAVA, 2 for the loop, 19 instructions for 128 products. The stream
 * holds, for each eight outputs, in the order of reading:
 *     per 16 inputs: 16 bytes of weights of each output
 *     eight biases, eight multipliers, eight shifts, negative
 *
 * Registers: r1 stream, r3 input, r5 end of the whole steps, r7 inputs after them, even ones the
 * sums; q0 inputs, q1 q2 weights.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s8_mve.h"

#include "mcu_mve.h"
#include "mcu_port.h"

enum { OUTPUTS = 8, VECTOR = 16 };

#if MCU_MVE_ASSEMBLY
/* clang-format off */

#define PAIR(a, b)                                                                                 \
    "vldrw.u32 q1, [r1], #16\n vmladava.s8 " a ", q0, q1\n"                                        \
    "vldrw.u32 q2, [r1], #16\n vmladava.s8 " b ", q0, q2\n"

#define PRODUCTS PAIR("r0", "r2") PAIR("r4", "r6") PAIR("r8", "r10") PAIR("r12", "lr")

/* Eight sums of `in` products. */
MCU_MVE_FUNCTION
static void multiply(int32_t *sums MCU_MVE_UNUSED, const int32_t *stream MCU_MVE_UNUSED,
                     const int8_t *x MCU_MVE_UNUSED, int32_t in MCU_MVE_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r0, r4-r11, lr}\n"
        "and r7, r3, #15\n sub r5, r3, r7\n mov r3, r2\n"
        "movs r0, #0\n movs r2, #0\n movs r4, #0\n movs r6, #0\n"
        "mov r8, r0\n mov r10, r0\n mov r12, r0\n mov lr, r0\n"
        "adds r5, r3\n cmp r3, r5\n beq 2f\n"
        "1:\n"
        "vldrb.u8 q0, [r3], #16\n"
        PRODUCTS
        "cmp r3, r5\n bne 1b\n"
        "2:\n"
        "cbz r7, 3f\n"
        "vctp.8 r7\n vpst\n vldrbt.u8 q0, [r3]\n"
        PRODUCTS
        "3:\n"
        "pop {r1}\n"
        "stm r1, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

/* The same in C, for machines without these instructions. */
static void multiply(int32_t *sums, const int32_t *stream, const int8_t *x, int32_t in) {
    const int8_t *weights = (const int8_t *)stream;
    for (int32_t i = 0; i < OUTPUTS; i++) {
        sums[i] = 0;
    }
    for (int32_t left = in; left > 0; left -= VECTOR, x += VECTOR) {
        const int32_t taps = (left < VECTOR) ? left : VECTOR;
        for (int32_t i = 0; i < OUTPUTS; i++, weights += VECTOR) {
            for (int32_t tap = 0; tap < taps; tap++) {
                sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)(weights[tap] * x[tap]));
            }
        }
    }
}

#endif

/* Four outputs: `constants` are their biases; multipliers and shifts follow, eight apart. */
static int32x4_t requantize(int32x4_t sums, const int32_t *constants,
                            const mcu_fully_connected_s8_mve_params *p) {
    sums = vaddq_s32(sums, vldrwq_s32(constants));
    sums = vqrdmulhq_s32(sums, vldrwq_s32(constants + OUTPUTS));
    sums = vaddq_s32(sums, vshrq_n_s32(sums, 31)); /* halves away from zero */
    sums = vrshlq_s32(sums, vldrwq_s32(constants + 2 * OUTPUTS));
    sums = vaddq_s32(sums, vdupq_n_s32(p->output_offset));
    return vminq_s32(vmaxq_s32(sums, vdupq_n_s32(p->act_min)), vdupq_n_s32(p->act_max));
}

void mcu_fully_connected_s8_mve(const mcu_fully_connected_s8_mve_params *params,
                                const int8_t *input, int8_t *output) {
    const mcu_fully_connected_s8_mve_params *const p = params;
    const int32_t steps = (p->in + VECTOR - 1) / VECTOR;
    for (int32_t row = 0; row < p->batch; row++, input += p->in) {
        const int32_t *stream = p->stream;
        for (int32_t left = p->out; left > 0; left -= OUTPUTS) {
            int32_t sums[OUTPUTS];
            multiply(sums, stream, input, p->in);
            stream += OUTPUTS * VECTOR / 4 * steps;
            for (int32_t i = 0; i < OUTPUTS && i < left; i += 4) {
                const mve_pred16_t active = vctp32q((uint32_t)(left - i));
                vstrbq_p_s32(output, requantize(vldrwq_s32(sums + i), stream + i, p), active);
                output += (left - i < 4) ? left - i : 4;
            }
            stream += 3 * OUTPUTS;
        }
    }
}
