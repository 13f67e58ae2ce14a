/* timer_sse.c: the system counter of Arm's Corstone SSE-300, as seen by its first system timer.
 * Registers: SSE-300 Example Subsystem TRM (101773), chapter on the system counter and timers.
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"
#include "platform.h"

#define COUNTER_CONTROL 0x58100000U

enum { COUNT_LOW = 0x00 };
enum { CONTROL_ENABLE = 1U << 0 };

void timer_init(void) { *reg(COUNTER_CONTROL) = CONTROL_ENABLE; }

uint32_t timer_read(void) { return *reg(BOARD_TIMER_BASE + COUNT_LOW); }
