/* mcu_mve.h: the vector functions of Helium (arm_mve.h) that kernels use.
 * On a core without it portable C of the same value, so that kernels can be tested on any machine.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_MVE_H
#define MCU_MVE_H

#include <stdint.h>

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#define MCU_MVE_ASSEMBLY 1
/* A function that is one asm statement: arguments in r0-r3, no prologue, never specialised. */
#define MCU_MVE_UNUSED __attribute__((unused))
#ifdef __clang__
#define MCU_MVE_FUNCTION __attribute__((naked, noinline))
#else
#define MCU_MVE_FUNCTION __attribute__((naked, noipa))
#endif

#else
#define MCU_MVE_ASSEMBLY 0

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int8_t lane[16];
} int8x16_t;

typedef struct {
    int32_t lane[4];
} int32x4_t;

/// One bit per byte of a vector; functions with _z load zeros where it is 0, with _p store nothing.
typedef uint16_t mve_pred16_t;

static inline mve_pred16_t vctp8q(uint32_t count) {
    return (mve_pred16_t)((count >= 16U) ? 0xffffU : ((1U << count) - 1U));
}

static inline mve_pred16_t vctp32q(uint32_t count) {
    return vctp8q((count >= 4U) ? 16U : 4U * count);
}

static inline int mcu_is_active(mve_pred16_t active, uint32_t byte) {
    return ((uint32_t)active & (1U << byte)) != 0U;
}

/* ---- loads and stores */

static inline int8x16_t vldrbq_z_s8(const int8_t *from, mve_pred16_t active) {
    int8x16_t v;
    for (uint32_t i = 0; i < 16; i++) {
        v.lane[i] = mcu_is_active(active, i) ? from[i] : (int8_t)0;
    }
    return v;
}

static inline int8x16_t vldrbq_s8(const int8_t *from) { return vldrbq_z_s8(from, 0xffffU); }

static inline int32x4_t vldrbq_z_s32(const int8_t *from, mve_pred16_t active) {
    int32x4_t v;
    for (uint32_t i = 0; i < 4; i++) {
        v.lane[i] = mcu_is_active(active, 4U * i) ? from[i] : 0;
    }
    return v;
}

static inline int32x4_t vldrbq_s32(const int8_t *from) { return vldrbq_z_s32(from, 0xffffU); }

static inline int32x4_t vldrhq_z_s32(const int16_t *from, mve_pred16_t active) {
    int32x4_t v;
    for (uint32_t i = 0; i < 4; i++) {
        v.lane[i] = mcu_is_active(active, 4U * i) ? from[i] : 0;
    }
    return v;
}

static inline int32x4_t vldrhq_s32(const int16_t *from) { return vldrhq_z_s32(from, 0xffffU); }

static inline int32x4_t vldrwq_s32(const int32_t *from) {
    const int32x4_t v = {{from[0], from[1], from[2], from[3]}};
    return v;
}

static inline void vstrbq_p_s8(int8_t *to, int8x16_t v, mve_pred16_t active) {
    for (uint32_t i = 0; i < 16; i++) {
        if (mcu_is_active(active, i)) {
            to[i] = v.lane[i];
        }
    }
}

static inline void vstrbq_s8(int8_t *to, int8x16_t v) { vstrbq_p_s8(to, v, 0xffffU); }

static inline void vstrbq_p_s32(int8_t *to, int32x4_t v, mve_pred16_t active) {
    for (uint32_t i = 0; i < 4; i++) {
        if (mcu_is_active(active, 4U * i)) {
            to[i] = (int8_t)v.lane[i];
        }
    }
}

static inline void vstrbq_s32(int8_t *to, int32x4_t v) { vstrbq_p_s32(to, v, 0xffffU); }

static inline void vstrhq_p_s32(int16_t *to, int32x4_t v, mve_pred16_t active) {
    for (uint32_t i = 0; i < 4; i++) {
        if (mcu_is_active(active, 4U * i)) {
            to[i] = (int16_t)v.lane[i];
        }
    }
}

static inline void vstrhq_s32(int16_t *to, int32x4_t v) { vstrhq_p_s32(to, v, 0xffffU); }

/* ---- arithmetic */

static inline int8x16_t vdupq_n_s8(int8_t value) {
    int8x16_t v;
    for (uint32_t i = 0; i < 16; i++) {
        v.lane[i] = value;
    }
    return v;
}

static inline int32x4_t vdupq_n_s32(int32_t value) {
    const int32x4_t v = {{value, value, value, value}};
    return v;
}

static inline int32x4_t vaddq_s32(int32x4_t a, int32x4_t b) {
    for (uint32_t i = 0; i < 4; i++) {
        a.lane[i] = (int32_t)((uint32_t)a.lane[i] + (uint32_t)b.lane[i]);
    }
    return a;
}

/// a + b * factor, modulo 2^32.
static inline int32x4_t vmlaq_n_s32(int32x4_t a, int32x4_t b, int32_t factor) {
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t product = (uint32_t)b.lane[i] * (uint32_t)factor;
        a.lane[i] = (int32_t)((uint32_t)a.lane[i] + product);
    }
    return a;
}

/// a * 2^bits, rounded down; bits in [-31, 0].
static inline int32x4_t vshlq_r_s32(int32x4_t a, int32_t bits) {
    for (uint32_t i = 0; i < 4; i++) {
        a.lane[i] = a.lane[i] >> -bits;
    }
    return a;
}

/// The high words of 2ab, rounded, halves up.
static inline int32x4_t vqrdmulhq_s32(int32x4_t a, int32x4_t b) {
    for (uint32_t i = 0; i < 4; i++) {
        const int64_t product = (int64_t)a.lane[i] * b.lane[i];
        a.lane[i] = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
    }
    return a;
}

/// a + the high words of 2 * b * factor, rounded, halves up.
static inline int32x4_t vqrdmlahq_n_s32(int32x4_t a, int32x4_t b, int32_t factor) {
    for (uint32_t i = 0; i < 4; i++) {
        const int64_t product = (int64_t)b.lane[i] * factor;
        a.lane[i] += (int32_t)((product + ((int64_t)1 << 30)) >> 31);
    }
    return a;
}

/// a * 2^bits modulo 2^32; bits in [0, 31].
static inline int32x4_t vshlq_n_s32(int32x4_t a, int bits) {
    for (uint32_t i = 0; i < 4; i++) {
        a.lane[i] = (int32_t)((uint32_t)a.lane[i] << (uint32_t)bits);
    }
    return a;
}

/// Shifts to the right, 1 to 31 bits.
static inline int32x4_t vshrq_n_s32(int32x4_t a, int bits) {
    for (uint32_t i = 0; i < 4; i++) {
        a.lane[i] = a.lane[i] >> bits;
    }
    return a;
}

/// a * 2^b, rounded, halves up; b in [-31, -1].
static inline int32x4_t vrshlq_s32(int32x4_t a, int32x4_t b) {
    for (uint32_t i = 0; i < 4; i++) {
        const int64_t half = (int64_t)1 << (-b.lane[i] - 1);
        a.lane[i] = (int32_t)((a.lane[i] + half) >> -b.lane[i]);
    }
    return a;
}

static inline int32x4_t vmaxq_s32(int32x4_t a, int32x4_t b) {
    for (uint32_t i = 0; i < 4; i++) {
        a.lane[i] = (a.lane[i] > b.lane[i]) ? a.lane[i] : b.lane[i];
    }
    return a;
}

static inline int32x4_t vminq_s32(int32x4_t a, int32x4_t b) {
    for (uint32_t i = 0; i < 4; i++) {
        a.lane[i] = (a.lane[i] < b.lane[i]) ? a.lane[i] : b.lane[i];
    }
    return a;
}

#ifdef __cplusplus
}
#endif

#endif /* __ARM_FEATURE_MVE */

/// Copies bytes.
static inline void mcu_copy_vectors(int8_t *to, const int8_t *from, int32_t count) {
    for (; count >= 16; count -= 16, from += 16, to += 16) {
        vstrbq_s8(to, vldrbq_s8(from));
    }
    const mve_pred16_t rest = vctp8q((uint32_t)count);
    vstrbq_p_s8(to, vldrbq_z_s8(from, rest), rest);
}

/// Sets bytes.
static inline void mcu_fill_vectors(int8_t *to, int32_t value, int32_t count) {
    const int8x16_t values = vdupq_n_s8((int8_t)value);
    for (; count >= 16; count -= 16, to += 16) {
        vstrbq_s8(to, values);
    }
    vstrbq_p_s8(to, values, vctp8q((uint32_t)count));
}

#endif /* MCU_MVE_H */
