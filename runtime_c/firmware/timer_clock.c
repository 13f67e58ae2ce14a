/* timer_clock.c: the processor time of this process, on the host.
 * SPDX-License-Identifier: MIT-0 */
#include <time.h>

#include "board.h"
#include "platform.h"

void timer_init(void) {}

uint32_t timer_read(void) {
    return (uint32_t)((uint64_t)clock() * BOARD_TIMER_HZ / (uint64_t)CLOCKS_PER_SEC);
}
