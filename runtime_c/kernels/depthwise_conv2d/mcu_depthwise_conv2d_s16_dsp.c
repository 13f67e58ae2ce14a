/* mcu_depthwise_conv2d_s16_dsp.c: depthwise convolution of int16 with int8 weights, any window.
 *
 * A word of the image holds two channels of a pixel, a word of the weights those of a tap, as
 * lanes: SMLABB and SMLATT multiply them without sorting. Three neighbouring outputs share a word
 * of weights; 15 cycles on a Cortex-M4 for the 6 products of a tap. Windows with columns in the
 * padding are computed one at a time, 9 cycles a tap. Taps in the padding are left out.
 *
 * The stream holds, for each two channels, the last two of an odd number overlapping the others:
 *     bias, bias, multiplier, multiplier, and for each tap (w, w)
 *
 * Sums wrap modulo 2^32 on the way. That they fit at their end, and that one rounded product and a
 * saturation give the reference's output, is checked when the project is generated (round_once.py).
 *
 * Registers: r0 pixel, r1 weights, r2 bytes from output to output in the image, r3 taps left and
 * bytes from tap to tap, r4-r9 sums, r10-r12 pixels, lr weights.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_s16_dsp.h"

#include "mcu_dsp.h"
#include "mcu_fixed.h"
#include "mcu_window.h"

enum { HEAD = 4 }; /* words before the weights */

/* All channels of one or three outputs. The assembly knows the order. */
typedef struct {
    const int16_t *from; /* the first tap that is read of the first output */
    int32_t next;        /* bytes from output to output in the image */
    int32_t taps;        /* of a row, less 1, << 16, and bytes from tap to tap */
    int32_t row;         /* bytes from behind the last tap of a row to the next row */
    int32_t weights_row; /* the same of the weights */
    int32_t first;       /* bytes from the stream to the first weights */
    const int32_t *last; /* behind the last row of weights, and `weights_row` further */
    const int32_t *stream;
    int32_t pair_bytes; /* of the stream */
    int16_t *output;
    int32_t pitch; /* bytes from output to output */
    int32_t pairs; /* of channels, 1 or more */
    int32_t relu;
} outputs_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define MAC(x, even, odd) "smlabb " even ", " x ", lr, " even "\n smlatt " odd ", " x ", lr, " odd "\n"
#define FINISH(even, odd)                                                                          \
    "smmulr " even ", " even ", r10\n smmulr " odd ", " odd ", r11\n"                              \
    "ssat " even ", #16, " even "\n ssat " odd ", #16, " odd "\n"
#define RELU(even, odd)                                                                            \
    "bic " even ", " even ", " even ", asr #31\n bic " odd ", " odd ", " odd ", asr #31\n"
#define PACK(even, odd) "pkhbt " even ", " even ", " odd ", lsl #16\n"

#define OUTPUTS(name, begin, loads, macs, finish, relu, pack, stores)                              \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const outputs_args *args MCU_UNUSED) {                                        \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n"                                                                  \
            "add r1, r0, #28\n ldm r1, {r2-r7}\n push {r2-r7}\n"                                   \
            "ldm r0, {r2-r8}\n push {r2-r8}\n" /* sp: the arguments */                             \
            "1:\n"                                                                                 \
            "ldr r1, [sp, #28]\n ldr r0, [sp, #0]\n ldr r2, [sp, #4]\n ldr r3, [sp, #20]\n"        \
            "ldr r4, [r1, #0]\n ldr r5, [r1, #4]\n add r1, r3\n ldr r3, [sp, #8]\n" begin          \
            "b 2f\n"                                                                               \
            ".p2align 2\n"                                                                         \
            "2:\n"                                                                                 \
            "ldr lr, [r1], #4\n ldr r10, [r0]\n" loads                                             \
            "uxtah r0, r0, r3\n subs r3, #65536\n" macs                                            \
            "bcs 2b\n"                                                                             \
            "ldr r10, [sp, #12]\n ldr r11, [sp, #16]\n ldr r12, [sp, #24]\n ldr r3, [sp, #8]\n"    \
            "add r0, r10\n add r1, r11\n cmp r1, r12\n bne 2b\n"                                   \
            "ldr r1, [sp, #28]\n ldr r3, [sp, #48]\n ldr r10, [r1, #8]\n ldr r11, [r1, #12]\n"     \
            finish "cbz r3, 3f\n" relu                                                             \
            "3:\n" pack                                                                            \
            "ldr r0, [sp, #36]\n ldr r2, [sp, #40]\n" stores                                       \
            "ldr r2, [sp, #0]\n ldr r3, [sp, #24]\n ldr r4, [sp, #32]\n ldr r5, [sp, #44]\n"       \
            "adds r0, #4\n adds r2, #4\n add r3, r4\n add r1, r4\n"                                \
            "str r0, [sp, #36]\n str r2, [sp, #0]\n str r3, [sp, #24]\n str r1, [sp, #28]\n"       \
            "subs r5, #1\n str r5, [sp, #44]\n bne.w 1b\n"                                         \
            "add sp, #52\n pop {r4-r11, pc}\n");                                                   \
    }

OUTPUTS(one_output, "", "", MAC("r10", "r4", "r5"), FINISH("r4", "r5"), RELU("r4", "r5"),
        PACK("r4", "r5"), "str r4, [r0]\n")
OUTPUTS(three_outputs, "mov r6, r4\n mov r8, r4\n mov r7, r5\n mov r9, r5\n",
        "ldr r11, [r0, r2]\n ldr r12, [r0, r2, lsl #1]\n",
        MAC("r10", "r4", "r5") MAC("r11", "r6", "r7") MAC("r12", "r8", "r9"),
        FINISH("r4", "r5") FINISH("r6", "r7") FINISH("r8", "r9"),
        RELU("r4", "r5") RELU("r6", "r7") RELU("r8", "r9"),
        PACK("r4", "r5") PACK("r6", "r7") PACK("r8", "r9"),
        "str r4, [r0]\n str r6, [r0, r2]\n str r8, [r0, r2, lsl #1]\n")

/* clang-format on */

#else

/* One output of one channel, the first or the second one of a pair. */
static int16_t output_of(const outputs_args *args, const int32_t *stream, const int32_t *last,
                         const int16_t *from, uint32_t lane) {
    int32_t sum = stream[lane];
    for (const int32_t *w = stream + args->first / 4; w != last; w += args->weights_row / 4) {
        for (int32_t tap = args->taps >> 16; tap >= 0; tap--, w++) {
            sum = mcu_smlad(*from & 0xffff, mcu_lane(*w, lane), sum);
            from += (args->taps & 0xffff) / 2;
        }
        from += args->row / 2;
    }
    return (int16_t)mcu_clamp(mcu_smmulr(sum, stream[2U + lane]), args->relu ? 0 : INT16_MIN,
                              INT16_MAX);
}

static void compute(const outputs_args *args, int32_t count) {
    for (int32_t pair = 0; pair < args->pairs; pair++) {
        const int32_t at = pair * args->pair_bytes / 4;
        int16_t results[6];
        for (int32_t i = 0; i < 2 * count; i++) {
            results[i] =
                output_of(args, args->stream + at, args->last + at,
                          args->from + 2 * pair + i % 2 + i / 2 * args->next / 2, (uint32_t)i % 2U);
        }
        for (int32_t i = 0; i < 2 * count; i++) {
            args->output[2 * pair + i % 2 + i / 2 * args->pitch / 2] = results[i];
        }
    }
}

static void one_output(const outputs_args *args) { compute(args, 1); }
static void three_outputs(const outputs_args *args) { compute(args, 3); }

#endif

/* The channels of one or three outputs; an odd last channel is computed with the one before. */
static void all_channels(outputs_args *args, int32_t channels, int32_t count) {
    const int32_t done = channels / 2;
    for (int32_t channel = 0; channel < channels; channel += 2 * args->pairs) {
        args->pairs = (channel == 0) ? done : 1;
        if (count == 3) {
            three_outputs(args);
        } else {
            one_output(args);
        }
        args->from += channels - 2;
        args->output += channels - 2;
        args->stream += done * args->pair_bytes / 4;
        args->last += done * args->pair_bytes / 4;
    }
}

/* A row of outputs, whose windows begin at row y of the image. */
static void row(const mcu_depthwise_conv2d_s16_dsp_params *p, const int16_t *image, int32_t y,
                int16_t *output) {
    const int32_t tap = p->dilation_w * p->channels;
    const mcu_taps rows = mcu_clip_window(y, p->in_h, p->kernel_h, p->dilation_h);
    int32_t count;
    for (int32_t ox = 0; ox < p->out_w; ox += count) {
        const int32_t x = ox * p->stride_w - p->pad_left;
        const mcu_taps cols = mcu_clip_window(x, p->in_w, p->kernel_w, p->dilation_w);
        const int32_t taps = cols.end - cols.begin;
        const int32_t pixel = (y + rows.begin * p->dilation_h) * p->in_w + x;
        const int32_t first = HEAD + rows.begin * p->kernel_w + cols.begin;
        outputs_args args = {
            .from = image + pixel * p->channels + cols.begin * tap,
            .next = 2 * p->stride_w * p->channels,
            .taps = (taps - 1) << 16 | 2 * tap,
            .row = 2 * (p->dilation_h * p->in_w * p->channels - taps * tap),
            .weights_row = 4 * (p->kernel_w - taps),
            .first = 4 * first,
            .last = p->stream + first + (rows.end - rows.begin) * p->kernel_w,
            .stream = p->stream,
            .pair_bytes = 4 * (HEAD + p->kernel_h * p->kernel_w),
            .output = output + ox * p->channels,
            .pitch = 2 * p->channels,
            .relu = p->relu,
        };
        count = (ox >= p->inner && ox + 3 <= p->inner_end) ? 3 : 1;
        all_channels(&args, p->channels, count);
    }
}

void mcu_depthwise_conv2d_s16_dsp(const mcu_depthwise_conv2d_s16_dsp_params *params,
                                  const int16_t *input, int16_t *output) {
    const mcu_depthwise_conv2d_s16_dsp_params *const p = params;
    for (int32_t n = 0; n < p->batch; n++) {
        const int16_t *const image = input + n * p->in_h * p->in_w * p->channels;
        int16_t *const to = output + n * p->out_h * p->out_w * p->channels;
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            row(p, image, oy * p->stride_h - p->pad_top, to + oy * p->out_w * p->channels);
        }
    }
}
