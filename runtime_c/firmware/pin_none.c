/* pin_none.c: a board that shows no pin to a power meter.
 * SPDX-License-Identifier: MIT-0 */
#include "platform.h"

void pin_init(void) {}

void pin_set(bool high) { (void)high; }
