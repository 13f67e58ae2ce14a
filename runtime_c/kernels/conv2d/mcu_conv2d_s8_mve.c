/* mcu_conv2d_s8_mve.c: 2-D convolution on int8, two output channels of four pixels at a time.
 *
 * The windows of four pixels lie in scratch, 16 taps of each in turn, padding filled in; a window
 * is kernel_h * kernel_w * in_ch taps, rounded up to a multiple of 16. The core multiplies them
 * with all output channels: VMLADAVA adds 16 products to a register, which must be an even one, so
 * that eight sums fill all of those. Sums are taken modulo 2^32; the input's zero point is folded
 * into the bias.
 *
 * Per 16 taps: 6 loads and 8 VMLADAVA, 14 instructions for 128 products; 23 instructions for the
 * requantization of 8 outputs, 27 where halves of negative values must round away from zero. The
 * stream holds, for each two channels A B, in the order of reading:
 *     per 16 taps: 16 bytes of A, 16 bytes of B
 *     bias of A, of B, multiplier of A, of B, shift of A, of B
 * A shift is the low byte of its word, negative; B's word is negative where two more follow.
 *
 * Registers: r1 stream, r3 window, r5 output, r7 windows, r9 skip, r11 end of the windows, even
 * ones the sums; q0 q1 weights, q2 q3 windows, q4 where the eight outputs go, q5 zero point.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_mve.h"

#include "mcu_fixed.h"
#include "mcu_four_pixels_mve.h"
#include "mcu_mve.h"
#include "mcu_port.h"

enum { PIXELS = MCU_PIXELS, CHANNELS = MCU_CHANNELS, TAPS = MCU_VECTOR };

#if MCU_MVE_ASSEMBLY
/* clang-format off */

#define STEP(op)                                                                                   \
    "vldrw.u32 q0, [r1], #16\n vldrw.u32 q2, [r3], #16\n" op " r0, q0, q2\n"                       \
    "vldrw.u32 q1, [r1], #16\n" op " r8, q1, q2\n"                                                 \
    "vldrw.u32 q3, [r3], #16\n" op " r2, q0, q3\n" op " r10, q1, q3\n"                             \
    "vldrw.u32 q2, [r3], #16\n" op " r4, q0, q2\n" op " r12, q1, q2\n"                             \
    "vldrw.u32 q3, [r3], #16\n" op " r6, q0, q3\n" op " lr, q1, q3\n"

/* All channels; `fix` makes halves of negative values round away from zero. */
#define ALL_CHANNELS(fix)                                                                          \
    "1:\n"                                                                                         \
    "mov r3, r7\n"                                                                                 \
    STEP("vmladav.s8")                                                                             \
    ".balign 4\n"                                                                                  \
    "add pc, r9\n nop\n" /* pc is the address of step 0 */                                         \
    "2:\n"                                                                                         \
    ".rept 8\n" STEP("vmladava.s8") ".endr\n"                                                      \
    "cmp r3, r11\n bne.w 2b\n"                                                                     \
    "vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n"                                      \
    "vmov q1[2], q1[0], r8, r12\n vmov q1[3], q1[1], r10, lr\n"                                    \
    "ldm r1!, {r0, r2, r4, r6, r8, r10}\n"                                                         \
    "vadd.i32 q0, q0, r0\n vadd.i32 q1, q1, r2\n"                                                  \
    "vqrdmulh.s32 q0, q0, r4\n vqrdmulh.s32 q1, q1, r6\n"                                          \
    fix                                                                                            \
    "vrshl.s32 q0, r8\n vrshl.s32 q1, r10\n"                                                       \
    "vqmovnb.s32 q0, q0\n vqmovnt.s32 q0, q1\n"                                                    \
    "vqadd.s16 q0, q0, q5\n vqmovnb.s16 q0, q0\n"                                                  \
    "vstrb.16 q0, [r5, q4]\n"                                                                      \
    "add r5, #2\n cmp r10, #0\n bmi.w 1b\n"                                                        \
    "vpop {d8-d11}\n pop {r4-r11, pc}\n"

#define AWAY_FROM_ZERO                                                                             \
    "vshr.s32 q2, q0, #31\n vshr.s32 q3, q1, #31\n vadd.i32 q0, q0, q2\n vadd.i32 q1, q1, q3\n"

MCU_MVE_FUNCTION
static void core(const mcu_core_args *args MCU_MVE_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n vpush {d8-d11}\n"
        "ldm r0!, {r1, r5, r7, r9, r11}\n"
        "ldm r0, {r2, r3, r4}\n"
        "vldrh.u16 q4, [r2]\n vdup.16 q5, r3\n"
        "cmp r4, #0\n beq.w 3f\n"
        ALL_CHANNELS("")
        "3:\n"
        ALL_CHANNELS(AWAY_FROM_ZERO));
}

/* clang-format on */

#else

/* The same algorithm in C, for machines without these instructions. */
static void core(const mcu_core_args *args) {
    const int32_t *stream = args->stream;
    int8_t *output = args->output;
    int32_t more;
    do {
        uint32_t sums[CHANNELS][PIXELS] = {{0}};
        const int8_t *x = args->windows;
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
        for (int32_t i = 0; i < CHANNELS * PIXELS; i++) {
            const int32_t c = i % CHANNELS;
            const int32_t sum = (int32_t)(sums[c][i / CHANNELS] + (uint32_t)stream[c]);
            const int32_t shift = -(int8_t)(uint8_t)((uint32_t)stream[4 + c] & 0xffU);
            int32_t scaled = mcu_mul_high(sum, stream[2 + c]);
            scaled += args->clamped ? 0 : (scaled >> 31);
            scaled = ((scaled >> (shift - 1)) + 1) >> 1;
            output[args->places[i]] = (int8_t)mcu_clamp(scaled + args->zero_point, -128, 127);
        }
        more = stream[5] < 0;
        stream += 6;
        output += CHANNELS;
    } while (more);
}

#endif

void mcu_conv2d_s8_mve(const mcu_conv2d_mve_params *params, const int8_t *input, int8_t *output,
                       void *scratch) {
    const mcu_four_pixels type = {
        .core = core,
        .bytes = 1,
        .step_words = CHANNELS * TAPS / 4,
        .finish_words = 6,
    };
    mcu_convolve_four_pixels(params, type, input, output, scratch);
}
