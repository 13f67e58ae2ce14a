/* mcu_depthwise_conv2d_stride2_c16_s8_dsp.c: depthwise 3x3 convolution on int8, stride 2, 16
 * channels; see mcu_stride2_3x3.h. SPDX-License-Identifier: MIT-0 */
#define MCU_STRIDE2_CHANNELS 16
#include "mcu_depthwise_conv2d_stride2_s8_dsp.h"
#include "mcu_stride2_3x3.h"

void mcu_depthwise_conv2d_stride2_c16_s8_dsp(
    const mcu_depthwise_conv2d_stride2_s8_dsp_params *params, const int8_t *input, int8_t *output,
    void *scratch) {
    mcu_stride2_3x3(params, input, output, scratch);
}
