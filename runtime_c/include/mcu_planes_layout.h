/* mcu_planes_layout.h: how images lie in planes, a byte for each pixel of one channel. Rows begin
 * at multiples of four bytes, so that no word of a plane is unaligned. SPDX-License-Identifier:
 * MIT-0 */
#ifndef MCU_PLANES_LAYOUT_H
#define MCU_PLANES_LAYOUT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// An image with padding around it, row by row in words of four columns.
typedef struct {
    int32_t plane_bytes; ///< from plane to plane; a multiple of 16
    int32_t channels;    ///< of the image
    int32_t above;       ///< words before those of the first row
    int32_t more;        ///< columns of a row behind the first word, less padding to the right
    int32_t left;        ///< columns of padding in the first word, 0 to 3
    int32_t right;       ///< words of nothing but padding behind a row
    int32_t back;        ///< bytes from behind a row's last word back to the next row of the image
    int32_t height;
    int32_t zero;  ///< what padding holds, in each byte
    int32_t below; ///< words behind those of the last row
    int32_t gap;   ///< bytes behind the last word of a row that no one reads
} mcu_planes_filling;

/// Results in a plane.
typedef struct {
    int32_t pitch; ///< bytes from row to row
    int32_t height;
    int32_t width;
    int32_t channels; ///< of the image that they go to
} mcu_planes_results;

#ifdef __cplusplus
}
#endif

#endif /* MCU_PLANES_LAYOUT_H */
