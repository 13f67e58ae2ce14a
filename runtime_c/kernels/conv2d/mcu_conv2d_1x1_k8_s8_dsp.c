/* mcu_conv2d_1x1_k8_s8_dsp.c: 1x1 convolution on int8, 8 input channels; see
 * mcu_pointwise_stack_dsp.h. SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_1x1_s8_dsp.h"
#include "mcu_pointwise_stack_dsp.h"

MCU_PS_CORE(core_k8, "8", "", MCU_PS_FILL("8"), MCU_PS_SUMS("8"))

void mcu_conv2d_1x1_k8_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                              int8_t *output) {
    MCU_ASSERT(params->in_ch == 8);
    mcu_pointwise_stack(params, input, output, 8 / 2, core_k8);
}
