/* mcu_depthwise_conv2d_s8_mve.c: 3x3 convolution of each channel by itself, eight at a time.
 *
 * The products of a tap fill eight int16 lanes. Those of two taps are added there, which cannot
 * overflow: 2 * 127 * 128 < 2^15. Then they are widened: even channels are summed in one vector of
 * int32 lanes, odd ones in another. The input's zero point is folded into the bias; padding is a
 * pixel of zero points in scratch.
 *
 * Per eight channels: 27 instructions for 72 products, 24 for adding them up, 26 for biases,
 * outputs and moving addresses. The constants hold, for each eight channels, biases, multipliers
 * and shifts (negative), eight each, channels 0, 2, 4, 6 first.
 *
 * Registers: r0-r6 r12 r8 taps, r9 weights, r10 constants, r11 output, lr groups left; q0 sums of
 * even channels, q1 of odd ones, q5 zero point. Bytes are widened by loads through r0-r7 only.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_mve.h"

#include "mcu_fixed.h"
#include "mcu_mve.h"
#include "mcu_nine_taps_mve.h"
#include "mcu_port.h"

enum { TAPS = MCU_TAPS, LANES = MCU_LANES };

#if MCU_MVE_ASSEMBLY
/* clang-format off */

#define PRODUCTS(x) "vldrb.s16 q2, [" x "], #8\n vldrh.u16 q3, [r9], #16\n vmul.i16 q2, q2, q3\n"
#define PLUS_PRODUCTS(x)                                                                           \
    "vldrb.s16 q3, [" x "], #8\n vldrh.u16 q4, [r9], #16\n vmul.i16 q3, q3, q4\n"                  \
    "vadd.i16 q2, q2, q3\n"
#define ADD_UP                                                                                     \
    "vmovlb.s16 q3, q2\n vmovlt.s16 q2, q2\n vadd.i32 q0, q0, q3\n vadd.i32 q1, q1, q2\n"

MCU_MVE_FUNCTION
static void core(const mcu_taps_args *args MCU_MVE_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n vpush {d8-d11}\n"
        "ldm r0, {r0-r12, lr}\n"
        "vdup.16 q5, r12\n mov r12, r7\n"
        "1:\n"
        "vldrw.u32 q0, [r10], #16\n vldrw.u32 q1, [r10], #16\n"
        PRODUCTS("r0") PLUS_PRODUCTS("r1") ADD_UP
        PRODUCTS("r2") PLUS_PRODUCTS("r3") ADD_UP
        PRODUCTS("r4") PLUS_PRODUCTS("r5") ADD_UP
        "mov r7, r12\n" PRODUCTS("r6") PLUS_PRODUCTS("r7") "mov r12, r7\n" ADD_UP
        "mov r7, r8\n" PRODUCTS("r7") "mov r8, r7\n" ADD_UP
        "vldrw.u32 q2, [r10], #16\n vldrw.u32 q3, [r10], #16\n"
        "vqrdmulh.s32 q0, q0, q2\n vqrdmulh.s32 q1, q1, q3\n"
        "vshr.s32 q2, q0, #31\n vshr.s32 q3, q1, #31\n" /* halves away from zero */
        "vadd.i32 q0, q0, q2\n vadd.i32 q1, q1, q3\n"
        "vldrw.u32 q2, [r10], #16\n vldrw.u32 q3, [r10], #16\n"
        "vrshl.s32 q0, q0, q2\n vrshl.s32 q1, q1, q3\n"
        "vqmovnb.s32 q0, q0\n vqmovnt.s32 q0, q1\n"
        "vqadd.s16 q0, q0, q5\n vqmovnb.s16 q0, q0\n"
        "mov r7, r11\n vstrb.16 q0, [r7], #8\n mov r11, r7\n"
        "le lr, 1b\n"
        "vpop {d8-d11}\n pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

/* The same in C, for machines without these instructions. */
static void core(const mcu_taps_args *args) {
    const int16_t *weights = args->weights;
    const int32_t *constants = args->constants;
    int8_t *output = args->output;
    for (int32_t group = 0; group < args->groups; group++) {
        for (int32_t c = 0; c < LANES; c++) {
            const int32_t place = c / 2 + c % 2 * (LANES / 2);
            int32_t sum = constants[place];
            for (int32_t tap = 0; tap < TAPS; tap++) {
                const int32_t product =
                    args->taps[tap][LANES * group + c] * weights[LANES * tap + c];
                sum = (int32_t)((uint32_t)sum + (uint32_t)product);
            }
            const int32_t scaled =
                mcu_scale(sum, constants[LANES + place], constants[2 * LANES + place]);
            output[LANES * group + c] = (int8_t)mcu_clamp(scaled + args->finish, -128, 127);
        }
        weights += TAPS * LANES;
        constants += 3 * LANES;
    }
}

#endif

void mcu_depthwise_conv2d_s8_mve(const mcu_depthwise_conv2d_mve_params *params, const int8_t *input,
                                 int8_t *output, void *scratch) {
    const mcu_nine_taps type = {
        .core = core,
        .bytes = 1,
        .weight_bytes = 2,
        .constants = 3 * LANES,
    };
    mcu_convolve_nine_taps(params, type, input, output, scratch);
}
