/* mcu_depthwise_conv2d_planes_p52_s8_dsp.c: depthwise 3x3 convolution on int8, stride 1 or 2, on
 * images of up to 50 columns; see mcu_planes_3x3.h. SPDX-License-Identifier: MIT-0 */
#define MCU_PLANES_PITCH "52"
#include "mcu_depthwise_conv2d_planes_s8_dsp.h"
#include "mcu_planes_3x3.h"

void mcu_depthwise_conv2d_planes_p52_s8_dsp(const mcu_depthwise_conv2d_planes_s8_dsp_params *params,
                                            const int8_t *input, int8_t *output, void *scratch) {
    MCU_ASSERT(params->results.pitch == 52);
    mcu_planes_3x3(params, input, output, scratch);
}
