/* stack_host.c: the host's stack is not measured.
 * SPDX-License-Identifier: MIT-0 */
#include "platform.h"

void stack_paint(void) {}

int32_t stack_used(void) { return -1; }
