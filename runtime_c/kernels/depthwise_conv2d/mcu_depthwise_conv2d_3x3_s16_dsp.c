/* mcu_depthwise_conv2d_3x3_s16_dsp.c: depthwise 3x3 on int16 with int8 weights, stride 1.
 *
 * One channel of a strip of outputs at a time, straight from the image. The strip sees three lines
 * a, b, c of the input. At each position their values of this channel are loaded as halfwords and a
 * and b become the lanes of a word; these feed the outputs at this position, before and behind it,
 * of which three are in flight:
 *
 *     old += (a, b) . (w0, w1) + c * w2       two instructions each, 6 for the 9 products
 *     mid += ...
 *     new = bias + ...
 *
 * Then `old` is requantized, is one of the outputs, and its register takes the next `new`. Padding
 * before and behind a line is left out: the sums begin with fewer products and end with fewer. A
 * strip at the border sees two lines, whose position takes 12 cycles on a Cortex-M4 instead of 17.
 *
 * The stream of a channel, with w[tap of the line][line]:
 *     (w00, w01), (w10, w11), (w20, w21), (w02, w12), (w22, bytes of a step), multiplier, bias
 *
 * Sums wrap modulo 2^32 on the way. That they fit at their end, and that one rounded product
 * requantizes as the reference does, is checked when the project is generated (round_once.py).
 *
 * Registers: r0 position, r1 bytes from line to line, r2 from the next position to the output that
 * is finished, r3 values, r4-r6 sums, r7-r11 weights, r12 multiplier, lr bias.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_3x3_s16_dsp.h"

#include "mcu_dsp.h"
#include "mcu_fixed.h"

enum { STREAM = 7, MULTIPLIER = 5, BIAS = 6 }; /* words */

/* All channels of a strip. The assembly knows the order. */
typedef struct {
    const int16_t *from; /* the first line that is read, its first position */
    int32_t pitch;       /* bytes from line to line */
    int16_t *output;
    int32_t lag;        /* bytes from the output that is finished to the next position */
    const int16_t *end; /* behind the last position */
    const int32_t *stream;
    const int32_t *stream_end;
    int32_t back;  /* bytes from where a strip ends to the next channel of its first position */
    int32_t enter; /* positions in the loop of three modulo 3; 3 where there are none */
    int32_t open;  /* 1: no padding before the first position */
    int32_t tail;  /* 1: padding behind the last one */
    int32_t first; /* of two lines: 1: it is the first line of the window that is missing */
} strip_args;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define SSAT(r) "ssat " r ", #16, " r "\n"
#define USAT(r) "usat " r ", #15, " r "\n"
#define STEP "uxtah r0, r0, r11, ror #16\n"
#define FINISH(old, sat, then) "smmulr " old ", " old ", r12\n" sat(old) then "strh " old ", [r0, r2]\n"

/* A position of three lines, or of two. */
#define PAIR(b) "ldrh r3, [r0]\n ldrh " b ", [r0, r1]\n pkhbt r3, r3, " b ", lsl #16\n"
#define POSITION3(old, mid, new, sat, then)                                                        \
    PAIR(new)                                                                                      \
    "smlad " old ", r3, r9, " old "\n smlad " mid ", r3, r8, " mid "\n"                            \
    "smlad " new ", r3, r7, lr\n"                                                                  \
    "ldrh r3, [r0, r1, lsl #1]\n" STEP                                                             \
    "smlabb " old ", r3, r11, " old "\n smlabt " mid ", r3, r10, " mid "\n"                        \
    "smlabb " new ", r3, r10, " new "\n" FINISH(old, sat, then)
#define POSITION2(old, mid, new, sat, then)                                                        \
    PAIR(new) STEP                                                                                 \
    "smlad " old ", r3, r9, " old "\n smlad " mid ", r3, r8, " mid "\n"                            \
    "smlad " new ", r3, r7, lr\n" FINISH(old, sat, then)

/* The first position of all adds to the first output, the next one to the second one, too. */
#define BEGIN3(pair, third)                                                                        \
    "ldrh r3, [r0]\n ldrh r5, [r0, r1]\n ldrh r6, [r0, r1, lsl #1]\n"                              \
    "pkhbt r3, r3, r5, lsl #16\n" STEP "smlad r4, r3, " pair ", r4\n" third
#define BEGIN2(pair, third) PAIR("r5") STEP "smlad r4, r3, " pair ", r4\n"
#define FIRST3  BEGIN3("r7", "smlabb r4, r6, r10, r4\n")
#define SECOND3 BEGIN3("r8", "smlabt r4, r6, r10, r4\n") "smlad r5, r3, r7, lr\n smlabb r5, r6, r10, r5\n"
#define FIRST2  BEGIN2("r7", "")
#define SECOND2 BEGIN2("r8", "") "smlad r5, r3, r7, lr\n"

/* Of two lines: (w1, w2) in the place of (w0, w1) where the first line is missing; the end. */
#define SHIFT                                                                                      \
    "ldr r3, [sp, #28]\n cbz r3, 8f\n"                                                             \
    "lsr r7, r7, #16\n pkhbt r7, r7, r10, lsl #16\n pkhtb r8, r10, r8, asr #16\n"                  \
    "lsr r9, r9, #16\n pkhbt r9, r9, r11, lsl #16\n"                                               \
    "8:\n ldr r10, [sp, #0]\n"

/* sp: end, stream, its end, back, enter, open, tail, first */
#define STRIP(name, sat, lines, shift, load_end, end)                                              \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const strip_args *args MCU_UNUSED) {                                          \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n"                                                                  \
            "add r1, r0, #16\n ldm r1, {r4-r11}\n push {r4-r11}\n"                                 \
            "ldm r0, {r0-r3}\n sub r2, r0\n sub r2, r3\n"                                          \
            "1:\n"                                                                                 \
            "ldm r5!, {r7-r12, lr}\n str r5, [sp, #4]\n" shift                                     \
            "ldr r3, [sp, #20]\n mov r4, lr\n cbz r3, 2f\n" FIRST##lines                           \
            "2:\n" SECOND##lines                                                                   \
            "ldr r3, [sp, #16]\n cmp r3, #2\n blt 3f\n beq 4f\n b 7f\n"                             \
            "3:\n cbz r3, 5f\n mov r6, r4\n mov r4, r5\n b.w 6f\n"                                 \
            "4:\n mov r6, r5\n mov r5, r4\n b.w 9f\n"                                              \
            ".p2align 2\n"                                                                         \
            "5:\n" POSITION##lines("r4", "r5", "r6", sat, "")                                      \
            "9:\n" POSITION##lines("r5", "r6", "r4", sat, "")                                      \
            "6:\n" POSITION##lines("r6", "r4", "r5", sat, load_end)                                \
            "cmp r0, " end "\n bne.w 5b\n"                                                         \
            "7:\n ldr r3, [sp, #24]\n cbz r3, 7f\n" STEP FINISH("r4", sat, "")                     \
            "7:\n"                                                                                 \
            "ldr r3, [sp, #12]\n ldr r4, [sp, #0]\n ldr r5, [sp, #4]\n ldr r6, [sp, #8]\n"         \
            "add r0, r3\n adds r4, #2\n str r4, [sp, #0]\n cmp r5, r6\n bne.w 1b\n"                \
            "add sp, #32\n pop {r4-r11, pc}\n");                                                   \
    }

STRIP(three_lines, SSAT, 3, "", "ldr r3, [sp, #0]\n", "r3")
STRIP(three_lines_relu, USAT, 3, "", "ldr r3, [sp, #0]\n", "r3")
STRIP(two_lines, SSAT, 2, SHIFT, "", "r10")
STRIP(two_lines_relu, USAT, 2, SHIFT, "", "r10")

/* clang-format on */

#else

/* A position's part of an output whose taps there are the pair, and a third line's. */
static int32_t add(int32_t sum, const int16_t *at, int32_t pitch, int32_t pair, int32_t third) {
    sum = mcu_smlad(mcu_lanes(at[0], at[pitch]), pair, sum);
    return (third != 0) ? mcu_smlad(at[2 * pitch], third & 0xffff, sum) : sum;
}

static void strip(const strip_args *args, int32_t lines, int32_t low) {
    const int32_t pitch = args->pitch / 2;
    const int32_t step = (int32_t)((uint32_t)args->stream[4] >> 16) / 2;
    const int32_t positions = (int32_t)(args->end - args->from) / step;
    const int32_t outputs = positions - 1 - args->open + args->tail;
    const int16_t *from = args->from;
    int16_t *output = args->output;
    for (const int32_t *w = args->stream; w != args->stream_end; w += STREAM, from++, output++) {
        const int32_t third[3] = {mcu_lane(w[3], 0), mcu_lane(w[3], 1), mcu_lane(w[4], 0)};
        for (int32_t i = 0; i < outputs; i++) {
            int32_t sum = w[BIAS];
            for (int32_t tap = 0; tap < 3; tap++) {
                const int32_t at = i + tap - 1 + args->open;
                if (at >= 0 && at < positions) {
                    const int32_t pair =
                        args->first ? mcu_lanes(mcu_lane(w[tap], 1), third[tap]) : w[tap];
                    sum = add(sum, from + at * step, pitch, pair, (lines == 3) ? third[tap] : 0);
                }
            }
            output[i * step] = (int16_t)mcu_clamp(mcu_smmulr(sum, w[MULTIPLIER]), low, INT16_MAX);
        }
    }
}

static void three_lines(const strip_args *args) { strip(args, 3, INT16_MIN); }
static void three_lines_relu(const strip_args *args) { strip(args, 3, 0); }
static void two_lines(const strip_args *args) { strip(args, 2, INT16_MIN); }
static void two_lines_relu(const strip_args *args) { strip(args, 2, 0); }

#endif

static void compute(const strip_args *args, int32_t is_short, int32_t relu) {
    if (is_short && relu) {
        two_lines_relu(args);
    } else if (is_short) {
        two_lines(args);
    } else if (relu) {
        three_lines_relu(args);
    } else {
        three_lines(args);
    }
}

void mcu_depthwise_conv2d_3x3_s16_dsp(const mcu_depthwise_conv2d_3x3_s16_dsp_params *params,
                                      const int16_t *input, int16_t *output) {
    const mcu_depthwise_conv2d_3x3_s16_dsp_params *const p = params;
    const int32_t bytes = 2 * p->step;
    const int32_t looped = p->positions - 2 + p->pad_before;
    strip_args args = {
        .pitch = 2 * p->line_pitch,
        .lag = (3 - p->pad_before) * bytes,
        .stream = p->stream,
        .stream_end = p->stream + p->channels * STREAM,
        .back = 2 - (p->positions + p->pad_behind) * bytes,
        .enter = (looped == 0) ? 3 : looped % 3,
        .open = 1 - p->pad_before,
        .tail = p->pad_behind,
    };
    for (int32_t image = 0; image < p->batch; image++) {
        args.output = output + image * p->out_size;
        for (int32_t line = -p->pad_lines, i = 0; i < p->strips; i++, line += p->strip_stride) {
            args.first = line < 0;
            args.from = input + image * p->in_size + (line + args.first) * p->line_pitch;
            args.end = args.from + p->positions * p->step;
            compute(&args, line < 0 || line + 3 > p->lines, p->relu);
            args.output += p->strip_pitch;
        }
    }
}
