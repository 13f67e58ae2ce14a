/* mcu_space_to_batch.h: pads an image and deals its pixels out to a batch of smaller ones.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_SPACE_TO_BATCH_H
#define MCU_SPACE_TO_BATCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batch;
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t block_h;
    int32_t block_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t pixel; ///< bytes of a pixel
    int8_t fill;   ///< of the padding's bytes: the zero point
} mcu_space_to_batch_params;

/// input [batch][in_h][in_w][pixel], output [block_h][block_w][batch][out_h][out_w][pixel];
/// they must not overlap.
void mcu_space_to_batch_ref(const mcu_space_to_batch_params *params, const void *input,
                            void *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_SPACE_TO_BATCH_H */
