/* observe.c: looks at each layer while the model runs, and measures intervals.
 *
 * An interval ends first thing in mcu_observe() and the next begins last thing, so printing is in
 * none. The cost of an empty interval is constant; inspect.c measures it, the other end of the wire
 * subtracts it. That is why these functions have a file of their own: nothing here may be inlined.
 * SPDX-License-Identifier: MIT-0 */
#include "observe.h"

#include "platform.h"
#include "text.h"

enum { BLOCK_LINE = 64 }; /* bytes per line */

static struct {
    uint32_t (*clock)(void);
    observe_mode mode;
    uint32_t wanted; /* the layer to print */
    uint32_t layer;  /* the next one */
    uint32_t mark;   /* when the running interval began */
    uint32_t interval;
} observer = {.clock = timer_read};

void put_block(const uint8_t *data, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i += BLOCK_LINE) {
        put_text("m-mcu-data-[");
        put_bytes(&data[i], (bytes - i < BLOCK_LINE) ? bytes - i : BLOCK_LINE);
        put_text("]\r\n");
    }
    put_text("m-mcu-block-[");
    put_unsigned(bytes);
    put_char(',');
    put_word(crc32(0, data, bytes));
    put_text("]\r\n");
}

static void put_ticks(int32_t layer, uint32_t ticks) {
    put_text("m-mcu-ticks-[");
    put_signed(layer);
    put_char(',');
    put_unsigned(ticks);
    put_text("]\r\n");
}

void mcu_observe(int32_t layer, const void *output, int32_t bytes) {
    observer.interval = observer.clock() - observer.mark;
    if (observer.mode == OBSERVE_TICKS) {
        put_ticks(layer, observer.interval);
    } else if (observer.mode == OBSERVE_DATA && observer.layer == observer.wanted) {
        put_block(output, (uint32_t)bytes);
    }
    observer.layer++;
    observer.mark = observer.clock();
}

void observe_layer(uint32_t layer) { observer.wanted = layer; }

uint32_t observe_run(uint32_t (*clock)(void), int32_t (*work)(void), observe_mode mode,
                     int32_t *status) {
    observer.clock = clock;
    observer.mode = mode;
    observer.layer = 0U;
    observer.mark = clock();
    *status = work();
    const uint32_t ticks = clock() - observer.mark;
    observer.mode = OBSERVE_NOTHING;
    return ticks;
}

uint32_t observe_interval(void) { return observer.interval; }
