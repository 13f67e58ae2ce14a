/* mcu_conv2d_1x1_k128_s8_dsp.c: 1x1 convolution on int8, 128 input channels; see
 * mcu_pointwise_dsp.h. SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_1x1_s8_dsp.h"
#include "mcu_pointwise_dsp.h"

MCU_P_CORE(core, MCU_P_FILL("128"), MCU_P_SUMS("128"))

void mcu_conv2d_1x1_k128_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                                int8_t *output, void *scratch) {
    MCU_ASSERT(params->in_ch == 128);
    mcu_pointwise(params, input, output, scratch, core);
}
