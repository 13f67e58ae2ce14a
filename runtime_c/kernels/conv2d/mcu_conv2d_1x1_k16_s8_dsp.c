/* mcu_conv2d_1x1_k16_s8_dsp.c: 1x1 convolution on int8, 16 input channels; see
 * mcu_pointwise_stack_dsp.h. SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_1x1_s8_dsp.h"
#include "mcu_pointwise_stack_dsp.h"

MCU_PS_CORE(core_k16, "16", "", MCU_PS_FILL("16"), MCU_PS_SUMS("16"))

void mcu_conv2d_1x1_k16_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                               int8_t *output) {
    MCU_ASSERT(params->in_ch == 16);
    mcu_pointwise_stack(params, input, output, 16 / 2, core_k16);
}
