/* mcu_resize_bilinear.h: images of another size, mixed from four pixels each.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_RESIZE_BILINEAR_H
#define MCU_RESIZE_BILINEAR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// For each position of an output axis the two positions of the input to mix, and the weight of the
/// second in Q10, [-512, 1023]; that of the first is 1024 less it.
typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    const int16_t *rows; ///< [out_h][3]
    const int16_t *cols; ///< [out_w][3]
} mcu_resize_bilinear_s8_params;

/// input [batch][in_h][in_w][channels], output [batch][out_h][out_w][channels]; they must not
/// overlap.
void mcu_resize_bilinear_s8_ref(const mcu_resize_bilinear_s8_params *params, const int8_t *input,
                                int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_RESIZE_BILINEAR_H */
