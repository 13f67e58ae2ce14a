/* mcu_depthwise_conv2d_s16_mve.c: 3x3 convolution of each channel by itself, int16 with int8
 * weights, eight channels at a time.
 *
 * Weights are widened by their loads. VMULLB multiplies the even ones of eight channels, VMULLT the
 * odd ones; either adds to a vector of int32 lanes, modulo 2^32. With the bias a sum fits an int32,
 * and VQRDMULH rounds it once, as the reference does. Padding is a pixel of zeros in scratch.
 *
 * Per eight channels: 54 instructions for 72 products and their sums, 11 for the outputs and the
 * loop. The constants hold, for each eight channels, biases and multipliers, eight each, channels
 * 0, 2, 4, 6 first. An output is the high word of 2 * sum * multiplier, rounded, halves up.
 *
 * Registers: r0-r6 r12 r8 taps, r7 weights, r10 constants, r11 output, lr groups left; q0 sums of
 * even channels, q1 of odd ones, q4 q5 their products that are still to be added, q6 the least
 * output. Bytes are widened by loads through r0-r7 only.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_mve.h"

#include "mcu_fixed.h"
#include "mcu_mve.h"
#include "mcu_nine_taps_mve.h"
#include "mcu_port.h"

enum { TAPS = MCU_TAPS, LANES = MCU_LANES };

#if MCU_MVE_ASSEMBLY
/* clang-format off */

/* Between loads, `a` and `b`: what the two vectors of sums have to do. */
#define TAP(x, a, b)                                                                               \
    "vldrh.u16 q2, [" x "], #16\n" a "vldrb.s16 q3, [r7], #8\n" b                                  \
    "vmullb.s16 q4, q2, q3\n vmullt.s16 q5, q2, q3\n"
#define ADD_EVEN "vadd.i32 q0, q0, q4\n"
#define ADD_ODD "vadd.i32 q1, q1, q5\n"

MCU_MVE_FUNCTION
static void core(const mcu_taps_args *args MCU_MVE_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n vpush {d8-d13}\n"
        "ldm r0, {r0-r12, lr}\n"
        "vdup.16 q6, r12\n mov r12, r7\n mov r7, r9\n"
        "1:\n"
        TAP("r0", "vldrw.u32 q0, [r10], #16\n", "vldrw.u32 q1, [r10], #16\n")
        TAP("r1", ADD_EVEN, ADD_ODD)
        TAP("r2", ADD_EVEN, ADD_ODD)
        TAP("r3", ADD_EVEN, ADD_ODD)
        TAP("r4", ADD_EVEN, ADD_ODD)
        TAP("r5", ADD_EVEN, ADD_ODD)
        TAP("r6", ADD_EVEN, ADD_ODD)
        TAP("r12", ADD_EVEN, ADD_ODD)
        TAP("r8", ADD_EVEN, ADD_ODD)
        "vldrw.u32 q2, [r10], #16\n" ADD_EVEN "vldrw.u32 q3, [r10], #16\n" ADD_ODD
        "vqrdmulh.s32 q0, q0, q2\n vqrdmulh.s32 q1, q1, q3\n"
        "vqmovnb.s32 q0, q0\n vqmovnt.s32 q0, q1\n"
        "vmax.s16 q0, q0, q6\n"
        "vstrh.16 q0, [r11], #16\n"
        "le lr, 1b\n"
        "vpop {d8-d13}\n pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

/* The same in C, for machines without these instructions. */
static void core(const mcu_taps_args *args) {
    const int8_t *weights = args->weights;
    const int32_t *constants = args->constants;
    int16_t *output = args->output;
    for (int32_t group = 0; group < args->groups; group++) {
        for (int32_t c = 0; c < LANES; c++) {
            const int32_t place = c / 2 + c % 2 * (LANES / 2);
            uint32_t sum = (uint32_t)constants[place];
            for (int32_t tap = 0; tap < TAPS; tap++) {
                const int16_t *const x = (const void *)args->taps[tap];
                sum += (uint32_t)(x[LANES * group + c] * weights[LANES * tap + c]);
            }
            const int32_t scaled = mcu_mul_high((int32_t)sum, constants[LANES + place]);
            output[LANES * group + c] = (int16_t)mcu_clamp(scaled, args->finish, 32767);
        }
        weights += TAPS * LANES;
        constants += 2 * LANES;
    }
}

#endif

void mcu_depthwise_conv2d_s16_mve(const mcu_depthwise_conv2d_mve_params *params,
                                  const int16_t *input, int16_t *output, void *scratch) {
    const mcu_nine_taps type = {
        .core = core,
        .bytes = 2,
        .weight_bytes = 1,
        .constants = 2 * LANES,
    };
    mcu_convolve_nine_taps(params, type, input, output, scratch);
}
