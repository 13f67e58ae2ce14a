/* mcu_depthwise_conv2d_planes_s8_dsp.c: depthwise 3x3 convolution on int8, stride 1 or 2; see
 * mcu_planes_3x3.h. SPDX-License-Identifier: MIT-0 */
#include "mcu_depthwise_conv2d_planes_s8_dsp.h"
#include "mcu_planes_3x3.h"

void mcu_depthwise_conv2d_planes_s8_dsp(const mcu_depthwise_conv2d_planes_s8_dsp_params *params,
                                        const int8_t *input, int8_t *output, void *scratch) {
    mcu_planes_3x3(params, input, output, scratch);
}
