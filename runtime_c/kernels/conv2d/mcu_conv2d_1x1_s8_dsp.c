/* mcu_conv2d_1x1_s8_dsp.c: 1x1 convolution on int8, any number of input channels; see
 * mcu_pointwise_dsp.h. SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_1x1_s8_dsp.h"
#include "mcu_pointwise_dsp.h"

MCU_P_CORE(core, MCU_P_FILL_ANY, MCU_P_SUMS_ANY)

void mcu_conv2d_1x1_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                           int8_t *output, void *scratch) {
    mcu_pointwise(params, input, output, scratch, core);
}
