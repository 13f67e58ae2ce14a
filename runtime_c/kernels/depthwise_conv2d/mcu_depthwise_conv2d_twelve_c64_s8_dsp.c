/* mcu_depthwise_conv2d_twelve_c64_s8_dsp.c: depthwise 3x3 convolution on int8 images of 12 columns,
 * stride 1, 64 channels; see mcu_narrow_stride1.h. SPDX-License-Identifier: MIT-0 */
#define MCU_NARROW_CHANNELS "64"
#define MCU_NARROW_TWELVE
#include "mcu_depthwise_conv2d_narrow_s8_dsp.h"
#include "mcu_narrow_stride1.h"

void mcu_depthwise_conv2d_twelve_c64_s8_dsp(const mcu_depthwise_conv2d_narrow_s8_dsp_params *params,
                                            const int8_t *input, int8_t *output, void *scratch) {
    MCU_ASSERT(params->channels == 64 && params->in_w == 12);
    mcu_narrow_stride1(params, input, output, scratch);
}
