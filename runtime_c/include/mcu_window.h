/* mcu_window.h: the part of a sliding window that lies on the input.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_WINDOW_H
#define MCU_WINDOW_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Taps [begin, end) of one axis of a window.
typedef struct {
    int32_t begin;
    int32_t end;
} mcu_taps;

/// The taps that fall on an axis of `size` elements; tap i lies at origin + i * dilation.
/// It divides at the border only. -origin <= (kernel - 1) * dilation, origin < size.
static inline mcu_taps mcu_clip_window(int32_t origin, int32_t size, int32_t kernel,
                                       int32_t dilation) {
    mcu_taps taps = {0, kernel};
    if (origin < 0) {
        taps.begin = (dilation - 1 - origin) / dilation;
    }
    if (origin + (kernel - 1) * dilation >= size) {
        taps.end = (size - 1 - origin) / dilation + 1;
    }
    return taps;
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_WINDOW_H */
