/* mcu_dsp.h: SIMD instructions of Armv7E-M and Armv8-M with DSP as functions.
 * On a core that has them each is one instruction; elsewhere portable C of the same value, so that
 * kernels can be tested on any machine.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DSP_H
#define MCU_DSP_H

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
#define MCU_DSP_ASSEMBLY 1
/* A function that is one asm statement: arguments in r0-r3, no prologue, never specialised. */
#define MCU_UNUSED __attribute__((unused))
/* A function that assembly calls by its name. */
#define MCU_CALLED_BY_ASSEMBLY __attribute__((used, noinline))
/* A function whose frame must not become a part of its caller's. */
#define MCU_OUT_OF_LINE __attribute__((noinline))
#ifdef __clang__
#define MCU_ASSEMBLY_FUNCTION __attribute__((naked, noinline))
#else
#define MCU_ASSEMBLY_FUNCTION __attribute__((naked, noipa))
#endif
#else
#define MCU_DSP_ASSEMBLY 0
#define MCU_CALLED_BY_ASSEMBLY
#define MCU_OUT_OF_LINE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// Four bytes as a word, little endian, at any address.
static inline int32_t mcu_load4(const int8_t *from) {
    int32_t word;
    (void)memcpy(&word, from, sizeof word);
    return word;
}

/// A word as four bytes, little endian, at any address.
static inline void mcu_store4(int8_t *to, int32_t word) { (void)memcpy(to, &word, sizeof word); }

/// Lane 0 or 1 of a word: 16 bits, signed.
static inline int32_t mcu_lane(int32_t word, uint32_t lane) {
    return (int32_t)(int16_t)(uint16_t)((uint32_t)word >> (16U * lane));
}

/// Replaces lane 0 or 1 of a word in memory.
static inline void mcu_store_lane(int32_t *word, uint32_t lane, int32_t value) {
    const int16_t half = (int16_t)value;
    (void)memcpy((int8_t *)word + 2U * lane, &half, sizeof half);
}

/// Two 16-bit values as a word.
static inline int32_t mcu_lanes(int32_t lane0, int32_t lane1) {
    return (int32_t)(((uint32_t)lane0 & 0xffffU) | ((uint32_t)lane1 << 16));
}

/// Bytes 0 and 2 as lanes, sign extended.
static inline int32_t mcu_sxtb16(int32_t word) {
#if MCU_DSP_ASSEMBLY
    return __sxtb16(word);
#else
    return mcu_lanes((int8_t)(uint8_t)(uint32_t)word, (int8_t)(uint8_t)((uint32_t)word >> 16));
#endif
}

/// Bytes 1 and 3 as lanes, sign extended.
static inline int32_t mcu_sxtb16_odd(int32_t word) {
#if MCU_DSP_ASSEMBLY
    int32_t lanes;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes) : "r"(word));
    return lanes;
#else
    const uint32_t w = (uint32_t)word;
    return mcu_sxtb16((int32_t)((w >> 8) | (w << 24)));
#endif
}

/// Bytes 0 and 2, sign extended, added to the lanes of sums, each modulo 2^16.
static inline int32_t mcu_sxtab16(int32_t sums, int32_t word) {
#if MCU_DSP_ASSEMBLY
    return __sxtab16(sums, word);
#else
    const int32_t bytes = mcu_sxtb16(word);
    return mcu_lanes(mcu_lane(sums, 0) + mcu_lane(bytes, 0),
                     mcu_lane(sums, 1) + mcu_lane(bytes, 1));
#endif
}

/// The same for bytes 1 and 3.
static inline int32_t mcu_sxtab16_odd(int32_t sums, int32_t word) {
#if MCU_DSP_ASSEMBLY
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sums) : "r"(word));
    return sums;
#else
    const uint32_t w = (uint32_t)word;
    return mcu_sxtab16(sums, (int32_t)((w >> 8) | (w << 24)));
#endif
}

/// sum + x[0] * y[0] + x[1] * y[1], modulo 2^32.
static inline int32_t mcu_smlad(int32_t x, int32_t y, int32_t sum) {
#if MCU_DSP_ASSEMBLY
    return __smlad(x, y, sum);
#else
    const uint32_t even = (uint32_t)(mcu_lane(x, 0) * mcu_lane(y, 0));
    const uint32_t odd = (uint32_t)(mcu_lane(x, 1) * mcu_lane(y, 1));
    return (int32_t)((uint32_t)sum + even + odd);
#endif
}

/// a - b modulo 2^32.
static inline int32_t mcu_sub_wrap(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

/// The high word of a * b (SMMUL).
static inline int32_t mcu_smmul(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b) >> 32); }

/// The high word of a * b, rounded, halves up (SMMULR).
static inline int32_t mcu_smmulr(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
}

/// Saturated to int8.
static inline int8_t mcu_ssat8(int32_t x) {
    return (int8_t)((x < -128) ? -128 : ((x > 127) ? 127 : x));
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_DSP_H */
