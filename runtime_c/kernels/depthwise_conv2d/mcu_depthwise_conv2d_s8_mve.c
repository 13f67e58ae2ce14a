/* mcu_depthwise_conv2d_s8_mve.c: 3x3 convolution of each channel by itself, eight at a time.
 *
 * The products of a tap fill eight int16 lanes. Those of two taps are added there, which cannot
 * overflow: 2 * 127 * 128 < 2^15. Then they are widened: even channels are summed in one vector of
 * int32 lanes, odd ones in another. The input's zero point is folded into the bias; a window that
 * lies outside of the input in part is collected in scratch, zero points filled in.
 *
 * Per eight channels: 27 instructions for 72 products, 24 for adding them up, 20 for the outputs.
 * The constants hold, for each eight channels, biases, multipliers and shifts (negative), eight
 * each, channels 0, 2, 4, 6 first.
 *
 * Registers: r0-r6 r8 r12 taps, r9 weights, r10 constants, r11 output, lr groups left; q0 sums of
 * even channels, q1 of odd ones, q5 zero point. Bytes are widened by loads through r0-r7 only.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_s8_mve.h"

#include "mcu_fixed.h"
#include "mcu_mve.h"
#include "mcu_port.h"
#include "mcu_window.h"

enum { KERNEL = 3, TAPS = 9, LOW_TAPS = 7, LANES = 8 };

/* A window: its rows are `pitch` apart, its columns as many bytes as there are channels. */
typedef struct {
    const int8_t *corner;
    int32_t pitch;
} window;

/* What the core needs for an output pixel. The core knows the order. */
typedef struct {
    const int8_t *taps[LOW_TAPS];
    int32_t zero_point;
    const int8_t *tap7;
    const int16_t *weights;
    const int32_t *constants;
    int8_t *output;
    const int8_t *tap8;
    int32_t groups; /* of eight channels, 1 or more */
} core_args;

#if MCU_MVE_ASSEMBLY
/* clang-format off */

#define PRODUCTS(x) "vldrb.s16 q2, [" x "], #8\n vldrh.u16 q3, [r9], #16\n vmul.i16 q2, q2, q3\n"
#define PLUS_PRODUCTS(x)                                                                           \
    "vldrb.s16 q3, [" x "], #8\n vldrh.u16 q4, [r9], #16\n vmul.i16 q3, q3, q4\n"                  \
    "vadd.i16 q2, q2, q3\n"
#define ADD_UP                                                                                     \
    "vmovlb.s16 q3, q2\n vmovlt.s16 q2, q2\n vadd.i32 q0, q0, q3\n vadd.i32 q1, q1, q2\n"

MCU_MVE_FUNCTION
static void core(const core_args *args MCU_MVE_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n vpush {d8-d11}\n"
        "ldm r0, {r0-r12, lr}\n"
        "vdup.16 q5, r7\n"
        "1:\n"
        "vldrw.u32 q0, [r10], #16\n vldrw.u32 q1, [r10], #16\n"
        PRODUCTS("r0") PLUS_PRODUCTS("r1") ADD_UP
        PRODUCTS("r2") PLUS_PRODUCTS("r3") ADD_UP
        PRODUCTS("r4") PLUS_PRODUCTS("r5") ADD_UP
        "mov r7, r8\n" PRODUCTS("r6") PLUS_PRODUCTS("r7") "mov r8, r7\n" ADD_UP
        "mov r7, r12\n" PRODUCTS("r7") "mov r12, r7\n" ADD_UP
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
static void core(const core_args *args) {
    const int16_t *weights = args->weights;
    const int32_t *constants = args->constants;
    const int8_t *taps[TAPS];
    for (int32_t tap = 0; tap < LOW_TAPS; tap++) {
        taps[tap] = args->taps[tap];
    }
    taps[7] = args->tap7;
    taps[8] = args->tap8;
    for (int32_t group = 0; group < args->groups; group++) {
        for (int32_t c = 0; c < LANES; c++) {
            const int32_t place = c / 2 + c % 2 * (LANES / 2);
            int32_t sum = constants[place];
            for (int32_t tap = 0; tap < TAPS; tap++) {
                const int32_t product = taps[tap][LANES * group + c] * weights[LANES * tap + c];
                sum = (int32_t)((uint32_t)sum + (uint32_t)product);
            }
            const int32_t scaled =
                mcu_scale(sum, constants[LANES + place], constants[2 * LANES + place]);
            args->output[LANES * group + c] =
                (int8_t)mcu_clamp(scaled + args->zero_point, -128, 127);
        }
        weights += TAPS * LANES;
        constants += 3 * LANES;
    }
}

#endif

/* All channels of an output pixel; where they are not a multiple of eight, the last eight overlap
 * those before. */
static void convolve(int8_t *output, window from, const mcu_depthwise_conv2d_s8_mve_params *p) {
    const int32_t ch = p->channels;
    const int32_t groups = ch / LANES;
    const int8_t *const row0 = from.corner;
    const int8_t *const row1 = row0 + from.pitch;
    const int8_t *const row2 = row1 + from.pitch;
    core_args args = {
        .taps = {row0, row0 + ch, row0 + 2 * ch, row1, row1 + ch, row1 + 2 * ch, row2},
        .zero_point = p->output_offset,
        .tap7 = row2 + ch,
        .weights = p->weights,
        .constants = p->constants,
        .output = output,
        .tap8 = row2 + 2 * ch,
        .groups = groups,
    };
    core(&args);
    if (ch % LANES != 0) {
        for (int32_t tap = 0; tap < LOW_TAPS; tap++) {
            args.taps[tap] += ch - LANES;
        }
        args.tap7 += ch - LANES;
        args.tap8 += ch - LANES;
        args.weights += groups * TAPS * LANES;
        args.constants += groups * 3 * LANES;
        args.output += ch - LANES;
        args.groups = 1;
        core(&args);
    }
}

/* Collects a window that lies outside of the image in part; zero points are the rest. */
static window collect(int8_t *to, const int8_t *image, int32_t y, int32_t x,
                      const mcu_depthwise_conv2d_s8_mve_params *p) {
    const window collected = {to, KERNEL * p->channels};
    const mcu_taps rows = mcu_clip_window(y, p->in_h, KERNEL, 1);
    const mcu_taps columns = mcu_clip_window(x, p->in_w, KERNEL, 1);
    const int32_t count = (columns.end - columns.begin) * p->channels;
    mcu_fill_vectors(to, p->input_zero_point, TAPS * p->channels);
    for (int32_t row = rows.begin; row < rows.end; row++) {
        const int32_t pixel = (y + row) * p->in_w + x + columns.begin;
        mcu_copy_vectors(to + (KERNEL * row + columns.begin) * p->channels,
                         image + pixel * p->channels, count);
    }
    return collected;
}

void mcu_depthwise_conv2d_s8_mve(const mcu_depthwise_conv2d_s8_mve_params *params,
                                 const int8_t *input, int8_t *output, void *scratch) {
    const mcu_depthwise_conv2d_s8_mve_params *const p = params;
    const int32_t pitch = p->in_w * p->channels;
    for (int32_t image = 0; image < p->batch; image++, input += p->in_h * pitch) {
        int32_t y = -p->pad_top;
        for (int32_t row = 0; row < p->out_h; row++, y += p->stride_h) {
            int32_t x = -p->pad_left;
            for (int32_t column = 0; column < p->out_w; column++, x += p->stride_w) {
                const int inside =
                    y >= 0 && x >= 0 && y + KERNEL <= p->in_h && x + KERNEL <= p->in_w;
                window from = {input + y * pitch + x * p->channels, pitch};
                if (!inside) {
                    from = collect(scratch, input, y, x, p);
                }
                convolve(output, from, p);
                output += p->channels;
            }
        }
    }
}
