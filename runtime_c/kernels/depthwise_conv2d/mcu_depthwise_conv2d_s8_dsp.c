/* mcu_depthwise_conv2d_s8_dsp.c: depthwise convolution on int8 with any kernel and stride.
 *
 * Four channels at a time are copied to planes in scratch, with a halo that holds the input's zero
 * point. Two neighbouring outputs are computed together, four taps of a row at a time: SXTB16 makes
 * the pairs (0, 2) and (1, 3) of four bytes, SMLAD multiplies a pair. Results take the place of the
 * first tap's pixels in the plane, which no later window reads; then the planes are copied out.
 *
 * The stream holds, for each output channel, with weights and bias times 256:
 *     per row and four taps: lanes (w0, w2), lanes (w1, w3), zeros behind the last tap
 *     bias, multiplier, offset, shift
 * 256 times a sum stays below 2^31, which is checked for the actual weights when the project is
 * generated. On a Cortex-M4 16 cycles for four taps of both outputs.
 *
 * Registers: r0 stream, r1 window, r2 r3 weights, r4 r5 r12 pixels, r6 r7 the sums, r8 bytes to the
 * next row, r9 end of the weights, r10 bytes from window to window, r11 lr steps of a row.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_s8_dsp.h"

#include "mcu_dsp.h"
#include "mcu_planes.h"

enum { FINISH_WORDS = 4 };

MCU_PLANES_GATHER4(copy4, "r8", "r9", 0, MCU_PLANES_GO_ON)

/* A row of outputs, two at a time. */
typedef struct {
    const int8_t *from; /* the first window */
    int8_t *to;
    int32_t pairs;
    int32_t advance;       /* bytes from pair to pair of windows */
    int32_t step;          /* from the first window of a pair to the second */
    int32_t fours;         /* steps of four taps in a row of the kernel */
    int32_t next_row;      /* from the end of a row to the next one */
    const int32_t *finish; /* behind the weights: bias, multiplier, offset, shift */
    int32_t clamped;
} row_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

MCU_ASSEMBLY_FUNCTION
static void row(const int32_t *stream MCU_UNUSED, const row_args *args MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldm r1, {r2-r10}\n"
        "push {r0, r2-r5, r10}\n" /* sp: stream, from, to, pairs, advance, clamped */
        "mov r10, r6\n mov r11, r7\n"
        "1:\n"
        "ldr r0, [sp, #0]\n ldr r1, [sp, #4]\n ldr r6, [r9]\n mov r7, r6\n"
        "2:\n"
        "mov lr, r11\n"
        "3:\n"
        "ldr r2, [r0], #4\n ldr r3, [r0], #4\n ldr r5, [r1, r10]\n ldr r4, [r1], #4\n"
        "sxtb16 r12, r4\n sxtb16 r4, r4, ror #8\n"
        "smlad r6, r12, r2, r6\n smlad r6, r4, r3, r6\n"
        "sxtb16 r12, r5\n sxtb16 r5, r5, ror #8\n"
        "smlad r7, r12, r2, r7\n smlad r7, r5, r3, r7\n"
        "subs lr, #1\n bne 3b\n"
        "add r1, r8\n cmp r0, r9\n bne 2b\n"
        "ldr r2, [r9, #4]\n ldr r3, [r9, #8]\n ldr r4, [r9, #12]\n"
        "ldr r5, [sp, #20]\n ldr r0, [sp, #8]\n"
        "cmp r5, #0\n beq 4f\n"
        "smmla r6, r6, r2, r3\n smmla r7, r7, r2, r3\n b 5f\n"
        "4:\n"
        "asr r6, #7\n asr r7, #7\n smmulr r6, r6, r2\n smmulr r7, r7, r2\n"
        "add r6, r6, r6, asr #31\n add r7, r7, r7, asr #31\n add r6, r3\n add r7, r3\n"
        "5:\n"
        "asr r6, r4\n asr r7, r4\n ssat r6, #8, r6\n ssat r7, #8, r7\n"
        "bfi r6, r7, #8, #24\n strh r6, [r0], #2\n str r0, [sp, #8]\n"
        "ldr r1, [sp, #4]\n ldr r2, [sp, #16]\n ldr r3, [sp, #12]\n"
        "add r1, r2\n str r1, [sp, #4]\n subs r3, #1\n str r3, [sp, #12]\n bne 1b\n"
        "add sp, #24\n pop {r4-r11, pc}\n");
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

/* One output, 256 times its sum. */
static int32_t window(const int32_t *stream, const int8_t *from, const row_args *args) {
    int32_t sum = args->finish[0];
    while (stream != args->finish) {
        for (int32_t i = args->fours; i > 0; i--, stream += 2, from += 4) {
            sum = mcu_smlad(mcu_sxtb16(mcu_load4(from)), stream[0], sum);
            sum = mcu_smlad(mcu_sxtb16_odd(mcu_load4(from)), stream[1], sum);
        }
        from += args->next_row;
    }
    return sum;
}

static void row(const int32_t *stream, const row_args *args) {
    const int8_t *from = args->from;
    int8_t *to = args->to;
    for (int32_t pair = args->pairs; pair > 0; pair--, from += args->advance, to += 2) {
        const int32_t left = window(stream, from, args);
        const int32_t right = window(stream, from + args->step, args);
        to[0] = requantize(left, args->finish + 1, args->clamped);
        to[1] = requantize(right, args->finish + 1, args->clamped);
    }
}

#endif

/* One output channel, on its plane. */
static void convolve(const mcu_depthwise_conv2d_s8_dsp_params *p, const int32_t *stream,
                     int8_t *plane) {
    row_args args = {
        .from = plane,
        .to = plane,
        .pairs = (p->results.width + 1) / 2,
        .advance = 2 * p->stride_w,
        .step = p->stride_w,
        .fours = p->kernel_fours,
        .next_row = p->results.pitch - 4 * p->kernel_fours,
        .finish = stream + 2 * p->kernel_fours * p->kernel_h,
        .clamped = p->clamped,
    };
    for (int32_t y = p->results.height; y > 0; y--) {
        row(stream, &args);
        args.from += p->stride_h * p->results.pitch;
        args.to += p->results.pitch;
    }
}

/* The output channels [channel, channel + count) of an image; count is 4 or 1. */
static void convolve_channels(const mcu_depthwise_conv2d_s8_dsp_params *p, const int8_t *image,
                              int8_t *output, int32_t channel, int32_t count, int8_t *planes) {
    const int32_t words = 2 * p->kernel_fours * p->kernel_h + FINISH_WORDS;
    const int32_t *stream = p->stream + channel * words;
    if (mcu_planes_are_four(&p->filling, count, p->multiplier)) {
        copy4(image + channel, planes, &p->filling);
    } else {
        mcu_planes_gather_by_one(image, planes, &p->filling, channel, count, p->multiplier, 0);
    }
    for (int32_t c = 0; c < count; c++, stream += words) {
        convolve(p, stream, planes + c * p->filling.plane_bytes);
    }
    mcu_planes_scatter(output, planes, &p->results, p->filling.plane_bytes, channel, count);
}

void mcu_depthwise_conv2d_s8_dsp(const mcu_depthwise_conv2d_s8_dsp_params *params,
                                 const int8_t *input, int8_t *output, void *scratch) {
    const mcu_depthwise_conv2d_s8_dsp_params *const p = params;
    for (int32_t n = 0; n < p->batch; n++) {
        const int8_t *const image = input + n * p->in_bytes;
        int8_t *const to = output + n * p->out_bytes;
        int32_t count;
        for (int32_t channel = 0; channel < p->out_ch; channel += count) {
            count = (channel + MCU_PLANES <= p->out_ch) ? MCU_PLANES : 1;
            convolve_channels(p, image, to, channel, count, scratch);
        }
    }
}
