/* mcu_dot.h: dot products of two rows of int8 with four columns of weights, for cores without SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DOT_H
#define MCU_DOT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_DOT_ROWS = 2, MCU_DOT_COLUMNS = 4 };

/* Weights are stored plus 128: unsigned bytes are the only ones that Armv6-M loads in one
 * instruction from a constant offset. A dot product is then too large by 128 * the sum of x, which
 * is one sum for all columns. */

/// 128 times the sum of a row.
static inline int32_t mcu_dot_surplus(const int8_t *x, int32_t count) {
    const int8_t *const end = x + count;
    int32_t sum = 0;
    for (; end - x >= 4; x += 4) {
        sum += x[0] + x[1] + x[2] + x[3];
    }
    for (; x != end; x++) {
        sum += x[0];
    }
    return 128 * sum;
}

#if defined(__thumb2__)
/* clang-format off */

#define MCU_DOT_COLUMN(at, a, b)                                                                   \
    "ldrb r0, [r3, #" at "]\n mla " a ", r0, lr, " a "\n mla " b ", r0, r12, " b "\n"
#define MCU_DOT_TAP(a, b, c, d)                                                                    \
    "ldrsb r12, [r1, r2]\n ldrsb lr, [r1], #1\n"                                                   \
    MCU_DOT_COLUMN(a, "r4", "r8") MCU_DOT_COLUMN(b, "r5", "r9")                                    \
    MCU_DOT_COLUMN(c, "r6", "r10") MCU_DOT_COLUMN(d, "r7", "r11")

#define MCU_DOT_ONE(at, acc) "ldrb r12, [r2, #" at "]\n mla " acc ", r12, lr, " acc "\n"
#define MCU_DOT_TAP_OF_ONE(a, b, c, d)                                                             \
    "ldrsb lr, [r1], #1\n" MCU_DOT_ONE(a, "r4") MCU_DOT_ONE(b, "r5") MCU_DOT_ONE(c, "r6")           \
    MCU_DOT_ONE(d, "r7")

/* One row: 10 instructions for four products.
 * Registers: r0 acc, r1 x, r2 w, r3 end, r4-r7 sums, r12 weight, lr value. */
__attribute__((naked, noinline, unused)) static void
mcu_dot_row(int32_t *acc __attribute__((unused)), const int8_t *x __attribute__((unused)),
            const uint8_t *w __attribute__((unused)), const int8_t *end __attribute__((unused))) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r7, lr}\n ldm r0, {r4-r7}\n"
        "1:\n"
        MCU_DOT_TAP_OF_ONE("0", "1", "2", "3") MCU_DOT_TAP_OF_ONE("4", "5", "6", "7")
        MCU_DOT_TAP_OF_ONE("8", "9", "10", "11") MCU_DOT_TAP_OF_ONE("12", "13", "14", "15")
        "add r2, #16\n cmp r1, r3\n bne 1b\n"
        "stm r0, {r4-r7}\n pop {r4-r7, pc}\n");
}

/* Both rows: 15 instructions for eight products.
 * Registers: r0 weight, r1 x, r2 count, r3 w, r4-r7 r8-r11 sums, r12 lr values; sp: acc, end. */
__attribute__((naked, noinline, unused)) static void
mcu_dot_rows(int32_t *acc __attribute__((unused)), const int8_t *x __attribute__((unused)),
             int32_t count __attribute__((unused)), const uint8_t *w __attribute__((unused))) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n add r12, r1, r2\n push {r0, r12}\n ldm r0, {r4-r11}\n"
        "1:\n"
        MCU_DOT_TAP("0", "1", "2", "3") MCU_DOT_TAP("4", "5", "6", "7")
        MCU_DOT_TAP("8", "9", "10", "11") MCU_DOT_TAP("12", "13", "14", "15")
        "ldr r0, [sp, #4]\n add r3, #16\n cmp r1, r0\n bne 1b\n"
        "pop {r0, r12}\n stm r0, {r4-r11}\n pop {r4-r11, pc}\n");
}

/* clang-format on */

#elif defined(__ARM_ARCH_6M__)
/* clang-format off */

#define MCU_DOT_COLUMN(acc, at) "ldrb r7, [r2, #" at "]\n muls r7, r6\n adds " acc ", r7\n"
#define MCU_DOT_TAP(i, a, b, c, d)                                                                 \
    "movs r6, #" i "\n ldrsb r6, [r1, r6]\n"                                                       \
    MCU_DOT_COLUMN("r0", a) MCU_DOT_COLUMN("r3", b) MCU_DOT_COLUMN("r4", c) MCU_DOT_COLUMN("r5", d)

/* One row: acc[c] += the sum of x[i] * w[4 * i + c]; 15 instructions for four products.
 * Registers: r0 r3 r4 r5 sums, r1 x, r2 w, r6 value, r7 product, r8 end, r9 acc. */
__attribute__((naked, noinline, unused)) static void
mcu_dot_row(int32_t *acc __attribute__((unused)), const int8_t *x __attribute__((unused)),
            const uint8_t *w __attribute__((unused)), const int8_t *end __attribute__((unused))) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r7, lr}\n mov r4, r8\n mov r5, r9\n push {r4, r5}\n"
        "mov r8, r3\n mov r9, r0\n"
        "ldr r3, [r0, #4]\n ldr r4, [r0, #8]\n ldr r5, [r0, #12]\n ldr r0, [r0]\n"
        "1:\n"
        MCU_DOT_TAP("0", "0", "1", "2", "3") MCU_DOT_TAP("1", "4", "5", "6", "7")
        MCU_DOT_TAP("2", "8", "9", "10", "11") MCU_DOT_TAP("3", "12", "13", "14", "15")
        "adds r1, #4\n adds r2, #16\n cmp r1, r8\n bne 1b\n"
        "mov r1, r9\n str r0, [r1]\n str r3, [r1, #4]\n str r4, [r1, #8]\n str r5, [r1, #12]\n"
        "pop {r4, r5}\n mov r8, r4\n mov r9, r5\n pop {r4-r7, pc}\n");
}

/* clang-format on */

static inline void mcu_dot_rows(int32_t *acc, const int8_t *x, int32_t count, const uint8_t *w) {
    mcu_dot_row(acc, x, w, x + count);
    mcu_dot_row(acc + MCU_DOT_COLUMNS, x + count, w, x + 2 * count);
}

#else

/// acc[c] += the sum of x[i] * w[4 * i + c], from x to its end, a multiple of 4 above 0 away.
/// |acc| + count * 255 * 128 < 2^31 is checked when the project is generated.
static inline void mcu_dot_row(int32_t *acc, const int8_t *x, const uint8_t *w, const int8_t *end) {
    int32_t a0 = acc[0];
    int32_t a1 = acc[1];
    int32_t a2 = acc[2];
    int32_t a3 = acc[3];
    for (; x != end; x++, w += MCU_DOT_COLUMNS) {
        const int32_t a = x[0];
        a0 += a * w[0];
        a1 += a * w[1];
        a2 += a * w[2];
        a3 += a * w[3];
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

/// The same for two rows: acc[4 * r + c] += the sum of x[count * r + i] * w[4 * i + c], i < count.
static inline void mcu_dot_rows(int32_t *acc, const int8_t *x, int32_t count, const uint8_t *w) {
    const int8_t *const end = x + count;
    int32_t a0 = acc[0];
    int32_t a1 = acc[1];
    int32_t a2 = acc[2];
    int32_t a3 = acc[3];
    int32_t b0 = acc[4];
    int32_t b1 = acc[5];
    int32_t b2 = acc[6];
    int32_t b3 = acc[7];
    for (; x != end; x++, w += MCU_DOT_COLUMNS) {
        const int32_t a = x[0];
        const int32_t b = x[count];
        a0 += a * w[0];
        b0 += b * w[0];
        a1 += a * w[1];
        b1 += b * w[1];
        a2 += a * w[2];
        b2 += b * w[2];
        a3 += a * w[3];
        b3 += b * w[3];
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
    acc[4] = b0;
    acc[5] = b1;
    acc[6] = b2;
    acc[7] = b3;
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* MCU_DOT_H */
