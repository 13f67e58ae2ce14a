/* stack_cortex_m.c: measures the stack by painting it.
 * SPDX-License-Identifier: MIT-0 */
#include "platform.h"

#define PATTERN 0x5AC3A53CU

extern uint32_t image_stack_limit[]; /* the lowest word of the stack, from the linker script */

/* Not inlined: a function that only reads sp may do so before it saves registers below it. */
__attribute__((noinline)) static uint32_t *stack_pointer(void) {
    uint32_t *sp;
    __asm volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

void stack_paint(void) {
    volatile uint32_t *const sp = stack_pointer();
    for (volatile uint32_t *word = image_stack_limit; word < sp; word++) {
        *word = PATTERN;
    }
}

int32_t stack_used(void) {
    const uint32_t *const sp = stack_pointer();
    const uint32_t *word = image_stack_limit;
    while (word < sp && *word == PATTERN) {
        word++;
    }
    return (int32_t)(sp - word) * (int32_t)sizeof(uint32_t);
}
