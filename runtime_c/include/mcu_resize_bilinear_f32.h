/* mcu_resize_bilinear_f32.h: float32 images of another size, mixed from four pixels each.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_RESIZE_BILINEAR_F32_H
#define MCU_RESIZE_BILINEAR_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    const int16_t *rows; ///< [out_h][2], the two rows of the input to mix
    const int16_t *cols; ///< [out_w][2], the two columns
    const float *down;   ///< [out_h], the weight of the second row; that of the first is 1 less it
    const float *right;  ///< [out_w], the same for columns
} mcu_resize_bilinear_f32_params;

/// input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels]; they must not
/// overlap.
void mcu_resize_bilinear_f32_ref(const mcu_resize_bilinear_f32_params *params, const float *input,
                                 float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_RESIZE_BILINEAR_F32_H */
