/* mcu_conv2d_s16_mve.c: 2-D convolution of int16 with int8 weights, two output channels of four
 * pixels at a time.
 *
 * The windows of four pixels lie in scratch, 8 taps of each in turn, padding filled in; a window is
 * kernel_h * kernel_w * in_ch taps, rounded up to a multiple of 8. The core multiplies them with
 * all output channels: weights are widened by their loads, and VMLADAVA adds 8 products to a
 * register, which must be an even one, so that eight sums fill all of those. Sums are taken modulo
 * 2^32; with the bias they fit an int32, and VQRDMULH rounds them once, as the reference does.
 *
 * Per 8 taps: 6 loads and 8 VMLADAVA, 14 instructions for 64 products; 20 instructions for the loop
 * and the requantization of 8 outputs. The stream holds, for each two channels A B, in the order of
 * reading:
 *     per 8 taps: 8 bytes of A, 8 bytes of B
 *     bias of A, of B, multiplier of A, twice that of B and 1 more where two channels follow
 * An output is the high word of 2 * sum * multiplier, rounded, halves up.
 *
 * Registers: r1 stream, r3 window, r5 output, r7 windows, r9 skip, r11 end of the windows, even
 * ones the sums; q0 q1 weights, q2 q3 windows, q4 where the eight outputs go, q5 the least output.
 * Bytes are widened by loads through r0-r7 only.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_mve.h"

#include "mcu_fixed.h"
#include "mcu_four_pixels_mve.h"
#include "mcu_mve.h"
#include "mcu_port.h"

enum { PIXELS = MCU_PIXELS, CHANNELS = MCU_CHANNELS, TAPS = MCU_VECTOR / 2 };

#if MCU_MVE_ASSEMBLY
/* clang-format off */

#define STEP(op)                                                                                   \
    "vldrb.s16 q0, [r1], #8\n vldrw.u32 q2, [r3], #16\n" op " r0, q0, q2\n"                        \
    "vldrb.s16 q1, [r1], #8\n" op " r8, q1, q2\n"                                                  \
    "vldrw.u32 q3, [r3], #16\n" op " r2, q0, q3\n" op " r10, q1, q3\n"                             \
    "vldrw.u32 q2, [r3], #16\n" op " r4, q0, q2\n" op " r12, q1, q2\n"                             \
    "vldrw.u32 q3, [r3], #16\n" op " r6, q0, q3\n" op " lr, q1, q3\n"

MCU_MVE_FUNCTION
static void core(const mcu_core_args *args MCU_MVE_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n vpush {d8-d11}\n"
        "ldm r0!, {r1, r5, r7, r9, r11}\n"
        "ldm r0, {r2, r3, r4}\n"
        "subs r4, #1\n lsls r4, r4, #15\n" /* 0 where clamped, else -2^15 */
        "vldrh.u16 q4, [r2]\n vdup.16 q5, r4\n"
        "1:\n"
        "mov r3, r7\n"
        STEP("vmladav.s16")
        ".balign 4\n"
        "add pc, r9\n nop\n" /* pc is the address of step 0 */
        "2:\n"
        ".rept 8\n" STEP("vmladava.s16") ".endr\n"
        "cmp r3, r11\n bne.w 2b\n"
        "vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n"
        "vmov q1[2], q1[0], r8, r12\n vmov q1[3], q1[1], r10, lr\n"
        "ldm r1!, {r0, r2, r4, r6}\n"
        "vadd.i32 q0, q0, r0\n vadd.i32 q1, q1, r2\n"
        "lsrs r6, r6, #1\n" /* carry: two more follow */
        "vqrdmulh.s32 q0, q0, r4\n vqrdmulh.s32 q1, q1, r6\n"
        "vqmovnb.s32 q0, q0\n vqmovnt.s32 q0, q1\n"
        "vmax.s16 q0, q0, q5\n"
        "vstrh.16 q0, [r5, q4, uxtw #1]\n"
        "add r5, #4\n bcs.w 1b\n"
        "vpop {d8-d11}\n pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */
static void core(const mcu_core_args *args) {
    const int32_t *stream = args->stream;
    int16_t *output = args->output;
    uint32_t more;
    do {
        uint32_t sums[CHANNELS][PIXELS] = {{0}};
        const int16_t *x = args->windows;
        for (; (const void *)x != args->windows_end; x += PIXELS * TAPS) {
            const int8_t *const weights = (const int8_t *)stream;
            for (int32_t i = 0; i < CHANNELS * PIXELS * TAPS; i++) {
                const int32_t tap = i % TAPS;
                const int32_t c = i / TAPS % CHANNELS;
                const int32_t pixel = i / TAPS / CHANNELS;
                sums[c][pixel] += (uint32_t)(weights[c * TAPS + tap] * x[pixel * TAPS + tap]);
            }
            stream += CHANNELS * TAPS / 4;
        }
        const int32_t multipliers[CHANNELS] = {stream[2], (int32_t)((uint32_t)stream[3] >> 1)};
        for (int32_t i = 0; i < CHANNELS * PIXELS; i++) {
            const int32_t c = i % CHANNELS;
            const int32_t sum = (int32_t)(sums[c][i / CHANNELS] + (uint32_t)stream[c]);
            const int32_t scaled = mcu_mul_high(sum, multipliers[c]);
            output[args->places[i]] = (int16_t)mcu_clamp(scaled, args->clamped ? 0 : -32768, 32767);
        }
        more = (uint32_t)stream[3] & 1U;
        stream += 4;
        output += CHANNELS;
    } while (more != 0U);
}

#endif

void mcu_conv2d_s16_mve(const mcu_conv2d_mve_params *params, const int16_t *input, int16_t *output,
                        void *scratch) {
    const mcu_four_pixels type = {
        .core = core,
        .bytes = 2,
        .step_words = CHANNELS * TAPS / 4,
        .finish_words = 4,
    };
    mcu_convolve_four_pixels(params, type, input, output, scratch);
}
