/* mcu_fully_connected_s16_mve.c: dense layer of int16 with int8 weights, eight outputs at a time.
 *
 * Weights are widened by their loads, and VMLADAVA adds 8 products to a register, which must be an
 * even one; eight sums fill all of those and begin as the biases. They are taken modulo 2^32; at
 * the end they fit an int32, and VQRDMULH rounds them once, as the reference does. Inputs are read
 * where they are, and the last step loads only those that are there, and zeros.
 *
 * Per 8 inputs: 9 loads, 8 VMLADAVA, 2 for the loop, 19 instructions for 64 products; 21 for each
 * eight outputs. The stream holds, for each eight outputs, in the order of reading:
 *     eight biases
 *     per 8 inputs: 8 bytes of weights of each output
 *     eight multipliers, outputs 0, 2, 4, 6 first
 * An output is the high word of 2 * sum * multiplier, rounded, halves up.
 *
 * Registers: r1 stream, r3 input, r5 end of the whole steps, r7 inputs after them, r9 outputs left,
 * r11 output, even ones the sums; q0 inputs, q1 q2 weights, q4 the least output. Bytes are widened
 * by loads through r0-r7 only.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_s16_mve.h"

#include "mcu_fixed.h"
#include "mcu_mve.h"
#include "mcu_port.h"

enum { OUTPUTS = 8, VECTOR = 8 };

/* What the core needs for a row. The core knows the order. */
typedef struct {
    const int32_t *stream;
    const int16_t *input;
    const int16_t *whole_end; /* of the steps of 8 inputs */
    int32_t rest;             /* inputs after them */
    int32_t outputs;
    int16_t *output;
    int32_t act_min;
} core_args;

#if MCU_MVE_ASSEMBLY
/* clang-format off */

#define PAIR(a, b)                                                                                 \
    "vldrb.s16 q1, [r1], #8\n vmladava.s16 " a ", q0, q1\n"                                        \
    "vldrb.s16 q2, [r1], #8\n vmladava.s16 " b ", q0, q2\n"

#define PRODUCTS PAIR("r0", "r2") PAIR("r4", "r6") PAIR("r8", "r10") PAIR("r12", "lr")

MCU_MVE_FUNCTION
static void core(const core_args *args MCU_MVE_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n vpush {d8-d9}\n"
        "ldm r0, {r1, r3, r5, r7, r9, r11, r12}\n"
        "vdup.16 q4, r12\n"
        "push {r2, r3}\n"
        "1:\n"
        "ldm r1!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "ldr r3, [sp, #4]\n"
        "cmp r3, r5\n beq 3f\n"
        "2:\n"
        "vldrh.u16 q0, [r3], #16\n"
        PRODUCTS
        "cmp r3, r5\n bne 2b\n"
        "3:\n"
        "cbz r7, 4f\n"
        "vctp.16 r7\n vpst\n vldrht.u16 q0, [r3]\n"
        PRODUCTS
        "4:\n"
        "vmov q0[2], q0[0], r0, r8\n vmov q0[3], q0[1], r4, r12\n"
        "vmov q1[2], q1[0], r2, r10\n vmov q1[3], q1[1], r6, lr\n"
        "vldrw.u32 q2, [r1], #16\n vqrdmulh.s32 q0, q0, q2\n"
        "vldrw.u32 q3, [r1], #16\n vqrdmulh.s32 q1, q1, q3\n"
        "vqmovnb.s32 q0, q0\n vqmovnt.s32 q0, q1\n"
        "vmax.s16 q0, q0, q4\n"
        "vctp.16 r9\n vpst\n vstrht.16 q0, [r11], #16\n"
        "subs r9, #8\n bgt.w 1b\n"
        "add sp, #8\n"
        "vpop {d8-d9}\n pop {r4-r11, pc}\n");
}

/* clang-format on */

#else

/* The same in C, for machines without these instructions. */
static void core(const core_args *args) {
    const int32_t in = (int32_t)(args->whole_end - args->input) + args->rest;
    const int32_t *stream = args->stream;
    for (int32_t first = 0; first < args->outputs; first += OUTPUTS) {
        const int32_t *const biases = stream;
        const int8_t *const weights = (const int8_t *)(biases + OUTPUTS);
        stream = biases + OUTPUTS + (in + VECTOR - 1) / VECTOR * (OUTPUTS * VECTOR / 4);
        uint32_t sums[OUTPUTS];
        for (int32_t i = 0; i < OUTPUTS; i++) {
            sums[i] = (uint32_t)biases[i];
            for (int32_t k = 0; k < in; k++) {
                const int32_t step = k / VECTOR * OUTPUTS + i;
                sums[i] += (uint32_t)(args->input[k] * weights[step * VECTOR + k % VECTOR]);
            }
        }
        for (int32_t i = 0; i < OUTPUTS && first + i < args->outputs; i++) {
            const int32_t multiplier = stream[i / 2 + i % 2 * (OUTPUTS / 2)];
            const int32_t scaled = mcu_mul_high((int32_t)sums[i], multiplier);
            args->output[first + i] = (int16_t)mcu_clamp(scaled, args->act_min, 32767);
        }
        stream += OUTPUTS;
    }
}

#endif

void mcu_fully_connected_s16_mve(const mcu_fully_connected_s16_mve_params *params,
                                 const int16_t *input, int16_t *output) {
    const mcu_fully_connected_s16_mve_params *const p = params;
    const int32_t rest = p->in % VECTOR;
    core_args args = {
        .stream = p->stream,
        .rest = rest,
        .outputs = p->out,
        .act_min = p->act_min,
    };
    for (int32_t row = 0; row < p->batch; row++) {
        args.input = input + row * p->in;
        args.whole_end = args.input + (p->in - rest);
        args.output = output + row * p->out;
        core(&args);
    }
}
