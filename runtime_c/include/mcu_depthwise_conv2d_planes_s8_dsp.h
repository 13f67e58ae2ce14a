/* mcu_depthwise_conv2d_planes_s8_dsp.h: 3x3 convolution of each channel by itself, for cores with
 * SIMD.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_PLANES_S8_DSP_H
#define MCU_DEPTHWISE_CONV2D_PLANES_S8_DSP_H

#include <stdint.h>

#include "mcu_planes_layout.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How the core walks a plane, in strips of one or two output columns; in bytes. A strip ends where
/// the last result of its first column begins.
typedef struct {
    int32_t checked;     ///< the first strip's end, from the plane; with stride 1 the row before it
    int32_t back;        ///< from a strip's end to the next strip
    int32_t last;        ///< end of the last strip, from the plane
    int32_t repeat;      ///< rows of results - 1; 1 or more
    int32_t plane_bytes; ///< from plane to plane
} mcu_strips;

typedef struct {
    int32_t batch;
    int32_t in_bytes;   ///< of an image
    int32_t out_bytes;  ///< of its results
    int32_t out_ch;     ///< in_ch * multiplier
    int32_t multiplier; ///< output channels of each input channel
    int32_t stride;     ///< 1 or 2
    mcu_planes_filling filling;
    mcu_planes_results results;
    mcu_strips two;        ///< strips of two output columns
    mcu_strips one;        ///< stride 1: a strip of one
    const int32_t *stream; ///< [out_ch][7]: weights and requantization, see the kernel
} mcu_depthwise_conv2d_planes_s8_dsp_params;

/// Kernel 3x3, stride 1 or 2, no dilation. Input [batch][in_h][in_w][in_ch],
/// output [batch][out_h][out_w][out_ch]. With a multiplier of 1 the output may be the input;
/// otherwise they must not overlap.
/// scratch: 4 * filling.plane_bytes, or out_ch times that where there are fewer; aligned to 4.
void mcu_depthwise_conv2d_planes_s8_dsp(const mcu_depthwise_conv2d_planes_s8_dsp_params *params,
                                        const int8_t *input, int8_t *output, void *scratch);

/// The same for planes with a pitch of 52 bytes.
void mcu_depthwise_conv2d_planes_p52_s8_dsp(const mcu_depthwise_conv2d_planes_s8_dsp_params *params,
                                            const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_PLANES_S8_DSP_H */
