/* mcu_conv2d_1x1_s8_dsp.c: 1x1 convolution on int8, four output channels of two pixels at a time.
 *
 * Two channels A and B share a weight word: its lanes hold 256 * wA + wB for two input channels.
 * SMLAD with it sums 256 * SA + SB; SXTB16 leaves wB alone, SMLAD with that sums SB; the difference
 * is 256 * SA. Exact while |SA| < 2^23, which is checked for the actual weights when the project is
 * generated. Sums are taken modulo 2^32; the input's zero point is folded into the bias.
 *
 * Per two input channels: 4 loads (5 cycles on a Cortex-M4), 8 SMLAD, 2 SXTB16: 15 cycles for 16
 * products. The stream holds, for each four channels A B C D, in the order of reading:
 *     256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
 *     per two input channels: lanes of A and B, lanes of C and D
 *     per channel: multiplier, offset, shift
 *
 * Registers: r0 stream, r1 window, r2 r3 weights, r4 lr pixels, r5-r12 the eight sums.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_1x1_s8_dsp.h"

#include <stddef.h>

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_port.h"

enum { UNROLL = 16, STEP_BYTES = 56, OUTPUTS = 4 };

/* What the core needs for two pixels. */
typedef struct {
    int8_t *output;        /* of the first pixel */
    int8_t *output2;       /* of the second pixel */
    const int32_t *window; /* a word of each pixel in turn */
    const int32_t *window_end;
    int32_t skip;   /* bytes of unrolled code to skip in the first round */
    int32_t groups; /* of four channels, 1 or more */
    int32_t clamped;
} core_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* One channel of two pixels: p, q hold 256 * S or, for GENERAL, 2 * S. */
#define CONSTANTS "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r0], #4\n"
#define STORE(p, q)                                                                                \
    "asrs " p ", " p ", r4\n asrs " q ", " q ", r4\n"                                              \
    "ssat " p ", #8, " p "\n ssat " q ", #8, " q "\n"                                              \
    "strb " p ", [r1], #1\n strb " q ", [lr], #1\n"
#define CLAMPED(p, q)                                                                              \
    CONSTANTS "smmla " p ", " p ", r2, r3\n smmla " q ", " q ", r2, r3\n" STORE(p, q)
#define GENERAL(p, q)                                                                              \
    CONSTANTS "smmulr " p ", " p ", r2\n smmulr " q ", " q ", r2\n"                                \
              "add " p ", " p ", " p ", asr #31\n add " q ", " q ", " q ", asr #31\n"              \
              "add " p ", r3\n add " q ", r3\n" STORE(p, q)
#define TWICE(p, q) "lsl " p ", #1\n lsl " q ", #1\n"
#define TIMES_256(p, q) "lsl " p ", #8\n lsl " q ", #8\n"
#define HALF_OF_256(p, q) "asr " p ", #7\n asr " q ", #7\n"
#define SPLIT(p, q, r, s) "sub " p ", " r "\n sub " q ", " s "\n"

MCU_ASSEMBLY_FUNCTION
static void core(const int32_t *stream MCU_UNUSED, const core_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldm r1, {r2-r8}\n"
        "push {r2-r8}\n" /* sp: output, output2, window, window_end, skip, groups, clamped */
        "1:\n"
        "ldr r5, [r0], #4\n ldr r7, [r0], #4\n ldr r9, [r0], #4\n ldr r11, [r0], #4\n"
        "ldr r1, [sp, #8]\n ldr r2, [sp, #16]\n"
        "mov r6, r5\n mov r8, r7\n mov r10, r9\n mov r12, r11\n"
        ".balign 4\n"
        "add pc, r2\n nop\n" /* pc is the address of step 0 */
        "2:\n"
        ".rept 16\n"
        "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r4, [r1], #4\n ldr lr, [r1], #4\n"
        "smlad r5, r2, r4, r5\n smlad r6, r2, lr, r6\n"
        "smlad r9, r3, r4, r9\n smlad r10, r3, lr, r10\n"
        "sxtb16 r2, r2\n sxtb16 r3, r3\n"
        "smlad r7, r2, r4, r7\n smlad r8, r2, lr, r8\n"
        "smlad r11, r3, r4, r11\n smlad r12, r3, lr, r12\n"
        ".endr\n"
        "ldr r2, [sp, #12]\n cmp r1, r2\n bne.w 2b\n"
        "ldr r1, [sp, #0]\n ldr lr, [sp, #4]\n ldr r2, [sp, #24]\n"
        SPLIT("r5", "r6", "r7", "r8") SPLIT("r9", "r10", "r11", "r12")
        "cmp r2, #0\n beq.w 3f\n"
        CLAMPED("r5", "r6") TIMES_256("r7", "r8") CLAMPED("r7", "r8")
        CLAMPED("r9", "r10") TIMES_256("r11", "r12") CLAMPED("r11", "r12")
        "b 4f\n"
        "3:\n"
        HALF_OF_256("r5", "r6") GENERAL("r5", "r6") TWICE("r7", "r8") GENERAL("r7", "r8")
        HALF_OF_256("r9", "r10") GENERAL("r9", "r10") TWICE("r11", "r12") GENERAL("r11", "r12")
        "4:\n"
        "ldr r2, [sp, #20]\n str r1, [sp, #0]\n str lr, [sp, #4]\n"
        "subs r2, #1\n str r2, [sp, #20]\n bne.w 1b\n"
        "add sp, #28\n"
        "pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

static int8_t requantize(int32_t times_256, const int32_t *constants, int32_t clamped) {
    if (clamped) {
        return mcu_ssat8((mcu_smmul(times_256, constants[0]) + constants[1]) >> constants[2]);
    }
    const int32_t scaled = mcu_smmulr(times_256 >> 7, constants[0]);
    return mcu_ssat8((scaled + (scaled >> 31) + constants[1]) >> constants[2]);
}

/* The same algorithm in C, for machines without these instructions. */
static void core(const int32_t *stream, const core_args *args) {
    int8_t *const outputs[2] = {args->output, args->output2};
    for (int32_t group = 0; group < args->groups; group++) {
        int32_t sums[4][2]; /* channel, pixel */
        for (int32_t c = 0; c < 4; c++) {
            sums[c][0] = sums[c][1] = *stream;
            stream++;
        }
        for (const int32_t *x = args->window; x != args->window_end; x += 2, stream += 2) {
            for (int32_t pair = 0; pair < 2; pair++) {
                const int32_t low = mcu_sxtb16(stream[pair]);
                for (int32_t p = 0; p < 2; p++) {
                    sums[2 * pair][p] = mcu_smlad(stream[pair], x[p], sums[2 * pair][p]);
                    sums[2 * pair + 1][p] = mcu_smlad(low, x[p], sums[2 * pair + 1][p]);
                }
            }
        }
        for (int32_t c = 0; c < 4; c++, stream += 3) {
            for (int32_t p = 0; p < 2; p++) {
                const int32_t times_256 = (c % 2 == 0) ? mcu_sub_wrap(sums[c][p], sums[c + 1][p])
                                                       : mcu_shift_left(sums[c][p], 8);
                outputs[p][OUTPUTS * group + c] = requantize(times_256, stream, args->clamped);
            }
        }
    }
}

#endif

/* Four input channels of one pixel to two words: channels 0 and 2, channels 1 and 3. */
static void widen(int32_t *window, int32_t bytes) {
    window[0] = mcu_sxtb16(bytes);
    window[2] = mcu_sxtb16_odd(bytes);
}

static int32_t load_tail(const int8_t *from, int32_t count) {
    uint32_t word = 0;
    for (int32_t i = 0; i < count; i++) {
        word |= (uint32_t)(uint8_t)from[i] << (8U * (uint32_t)i);
    }
    return (int32_t)word;
}

/* Two pixels as int16 in the order of the weights, zeros behind the last channel. */
static const int32_t *fill(int32_t *window, const int8_t *first, const int8_t *second,
                           int32_t in_ch) {
    int32_t k = 0;
    for (; k + 4 <= in_ch; k += 4) {
        const int32_t bytes = mcu_load4(first + k);
        const int32_t bytes2 = mcu_load4(second + k);
        widen(window, bytes);
        widen(window + 1, bytes2);
        window += 4;
    }
    if (k < in_ch) {
        widen(window, load_tail(first + k, in_ch - k));
        widen(window + 1, load_tail(second + k, in_ch - k));
        window += 4;
    }
    return window;
}

void mcu_conv2d_1x1_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                           int8_t *output, void *scratch) {
    const mcu_conv2d_1x1_s8_dsp_params p = *params;
    const int32_t pairs = (p.in_ch + 3) / 4 * 2; /* of input channels */
    const int32_t groups = p.out_ch / OUTPUTS;
    const int32_t rest = p.out_ch % OUTPUTS;
    const int32_t group_words = 4 + 2 * pairs + 12;
    int32_t *const window = scratch;
    MCU_ASSERT(p.pixels >= 2 && p.in_ch >= 1);

    for (int32_t done = 0; done < p.pixels; done += 2) {
        /* An odd last pixel is computed together with the one before it, once more. */
        const int32_t pixel = (done + 2 <= p.pixels) ? done : p.pixels - 2;
        const int8_t *const source = input + pixel * p.in_ch;
        int8_t *const target = output + pixel * p.out_ch;
        core_args args = {
            .output = target,
            .output2 = target + p.out_ch,
            .window = window,
            .window_end = fill(window, source, source + p.in_ch, p.in_ch),
            .skip = STEP_BYTES * ((UNROLL - pairs % UNROLL) % UNROLL),
            .groups = groups,
            .clamped = p.clamped,
        };
        if (groups > 0) {
            core(p.stream, &args);
        }
        if (rest > 0) {
            int8_t spare[2][OUTPUTS];
            args.output = spare[0];
            args.output2 = spare[1];
            args.groups = 1;
            core(p.stream + groups * group_words, &args);
            for (int32_t c = 0; c < rest; c++) {
                target[groups * OUTPUTS + c] = spare[0][c];
                target[groups * OUTPUTS + p.out_ch + c] = spare[1][c];
            }
        }
    }
}
