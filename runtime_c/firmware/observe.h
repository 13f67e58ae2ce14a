/* observe.h: looks at each layer while the model runs, and measures intervals.
 * SPDX-License-Identifier: MIT-0 */
#ifndef OBSERVE_H
#define OBSERVE_H

#include <stdint.h>

typedef enum {
    OBSERVE_NOTHING,
    OBSERVE_TICKS, ///< prints the ticks since the layer before
    OBSERVE_DATA   ///< prints the output of the layer that was chosen
} observe_mode;

/// The model calls this after each layer, when it is built with MCU_OBSERVE.
void mcu_observe(int32_t layer, const void *output, int32_t bytes);

/// Chooses the layer whose output is printed, counted from 0.
void observe_layer(uint32_t layer);

/// Runs `work`; returns the ticks of `clock` since the last call of mcu_observe(), or else since
/// the start.
uint32_t observe_run(uint32_t (*clock)(void), int32_t (*work)(void), observe_mode mode,
                     int32_t *status);

/// The ticks between the last two calls of mcu_observe().
uint32_t observe_interval(void);

/// Prints a block of memory as lines of hexadecimal and its length and CRC-32.
void put_block(const uint8_t *data, uint32_t bytes);

#endif /* OBSERVE_H */
