/* mcu_add_s16_mve.c: sum of two int16 tensors of one shape, four elements at a time.
 *
 * The sum of mcu_add_s16_dsp.c, which explains why it is exact, on int32 lanes: VQRDMLAH is a high
 * product of twice a lane, rounded, and the addition of -1 for negatives; VRSHL the shift, rounded.
 * 14 instructions for four elements.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_add_s16_mve.h"

#include "mcu_mve.h"
#include "mcu_port.h"

enum { LANES = 4 };

static inline int32x4_t round_twice(int32x4_t x, int32_t multiplier, int32_t shift) {
    const int32x4_t product = vqrdmlahq_n_s32(vshrq_n_s32(x, 31), x, multiplier);
    return vrshlq_s32(product, vdupq_n_s32(-shift));
}

/* int32: both terms of the sum are 2^29 at most. */
static inline int32x4_t sum(int32x4_t a, int32x4_t b, const mcu_add_s16_dsp_params *p) {
    const int32x4_t small = round_twice(vshlq_n_s32(b, 15), p->small_multiplier, p->small_shift);
    const int32x4_t both = vaddq_s32(vshlq_n_s32(a, 14), small);
    const int32x4_t scaled = round_twice(both, p->multiplier, p->shift);
    const int32x4_t low = vdupq_n_s32((p->relu != 0) ? 0 : INT16_MIN);
    return vminq_s32(vmaxq_s32(scaled, low), vdupq_n_s32(INT16_MAX));
}

void mcu_add_s16_mve(const mcu_add_s16_dsp_params *params, const int16_t *input1,
                     const int16_t *input2, int16_t *output) {
    const mcu_add_s16_dsp_params p = *params;
    const int16_t *a = (p.swapped != 0) ? input2 : input1;
    const int16_t *b = (p.swapped != 0) ? input1 : input2;
    MCU_ASSERT(p.small_shift >= 1 && p.shift >= 1);

    for (int32_t i = p.count / LANES; i > 0; i--) {
        vstrhq_s32(output, sum(vldrhq_s32(a), vldrhq_s32(b), &p));
        a += LANES;
        b += LANES;
        output += LANES;
    }
    const mve_pred16_t rest = vctp32q((uint32_t)p.count % LANES);
    vstrhq_p_s32(output, sum(vldrhq_z_s32(a, rest), vldrhq_z_s32(b, rest), &p), rest);
}
