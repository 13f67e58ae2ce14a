/* mcu_conv2d_3x3_c3_s8_dsp.c: 3x3 convolution on int8, 3 input channels; see
 * mcu_few_channels_dsp.h. SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_3x3_few_s8_dsp.h"
#include "mcu_few_channels_dsp.h"

MCU_FEW_CORE(core, 3)

void mcu_conv2d_3x3_c3_s8_dsp(const mcu_conv2d_3x3_few_s8_dsp_params *params, const int8_t *input,
                              int8_t *output) {
    mcu_few_channels(params, input, output, 3, core);
}
