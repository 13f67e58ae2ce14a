/* mcu_depthwise_conv2d_3x3_s16_dsp.h: depthwise 3x3 convolution of int16 with int8 weights, for
 * cores with SIMD. SPDX-License-Identifier: MIT-0 */
#ifndef MCU_DEPTHWISE_CONV2D_3X3_S16_DSP_H
#define MCU_DEPTHWISE_CONV2D_3X3_S16_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Outputs are computed strip by strip: a strip is a row of them, or a column. It sees three
/// neighbouring lines of the input; its positions lie along these. Sizes are in elements.
typedef struct {
    int32_t batch;
    int32_t in_size;  ///< of an image
    int32_t out_size; ///< of its outputs
    int32_t channels;
    int32_t lines;      ///< of the input, 2 or more
    int32_t line_pitch; ///< from line to line of the input
    int32_t pad_lines;  ///< lines of padding before the first one, 0 or 1
    int32_t strips;
    int32_t strip_stride;  ///< lines from strip to strip
    int32_t strip_pitch;   ///< from strip to strip of the output
    int32_t positions;     ///< of a line that are read
    int32_t step;          ///< from position to position, of input and output
    int32_t pad_before;    ///< 1: a position of padding before the first one, else 0
    int32_t pad_behind;    ///< 1: one behind the last one that is read, else 0
    int32_t relu;          ///< 1: outputs are clamped to [0, 32767], else 0
    const int32_t *stream; ///< [channels][7]: weights and requantization, see the kernel
} mcu_depthwise_conv2d_3x3_s16_dsp_params;

/// Strips are rows, with stride 1 along them. Input and output are [batch][row][column][channel].
/// The output may begin so far in front of the input that it overwrites only what no later output
/// reads, row by row, and channel by channel in a row; otherwise they must not overlap.
void mcu_depthwise_conv2d_3x3_s16_dsp(const mcu_depthwise_conv2d_3x3_s16_dsp_params *params,
                                      const int16_t *input, int16_t *output);

/// The same with stride 2 along a row.
void mcu_depthwise_conv2d_3x3_stride2_s16_dsp(const mcu_depthwise_conv2d_3x3_s16_dsp_params *params,
                                              const int16_t *input, int16_t *output);

/// Strips are columns, with stride 1. Input and output must not overlap.
void mcu_depthwise_conv2d_3x3_columns_s16_dsp(const mcu_depthwise_conv2d_3x3_s16_dsp_params *params,
                                              const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_DEPTHWISE_CONV2D_3X3_S16_DSP_H */
