/* mcu_depthwise_conv2d_3x3_s16_dsp.c: depthwise 3x3 on int16 with int8 weights, stride 1, by
 * rows (mcu_strips_stride1_dsp.h). SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_3x3_s16_dsp.h"

#include "mcu_strips_stride1_dsp.h"

void mcu_depthwise_conv2d_3x3_s16_dsp(const mcu_depthwise_conv2d_3x3_s16_dsp_params *params,
                                      const int16_t *input, int16_t *output) {
    mcu_strips_stride1(params, input, output);
}
