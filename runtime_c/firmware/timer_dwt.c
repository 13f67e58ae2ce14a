/* timer_dwt.c: the core's cycle counter as the timer, for boards with `cycles` by "dwt" that need
 * no other. It wraps after 2^32 clocks, 25 s at 170 MHz.
 * SPDX-License-Identifier: MIT-0 */
#include "platform.h"

void timer_init(void) { (void)cycles_init(); }

uint32_t timer_read(void) { return cycles_read(); }
