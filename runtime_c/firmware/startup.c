/* startup.c: vector table, reset and faults of any Cortex-M.
 *
 * A fault is reported over the UART as one line and ends the run. The names that begin with
 * `image_` come from the linker script.
 * SPDX-License-Identifier: MIT-0 */
#include <stdint.h>
#include <string.h>

#include "platform.h"
#include "text.h"

#define SCB_CFSR  0xE000ED28U
#define SCB_CPACR 0xE000ED88U

enum { SYSTEM_EXCEPTIONS = 16 };
enum { FRAME_LR = 5, FRAME_PC = 6 }; /* words of the frame that an exception pushes */

extern uint32_t image_stack_limit[];
extern uint32_t image_stack_top[];
extern uint8_t image_bss[];
extern uint8_t image_bss_end[];

/* Variables with values, constants and code that lie in RAM, as they are in flash. */
typedef struct {
    const uint8_t *from;
    uint8_t *to;
    size_t bytes;
} image_copy;

extern const image_copy image_copies[];
extern const image_copy image_copies_end[];

int main(void);
void reset(void);
void fault(void);
void fault_report(const uint32_t *frame);

__attribute__((section(".vectors"), used)) static void (*const vectors[SYSTEM_EXCEPTIONS])(void) = {
    (void (*)(void))(uintptr_t)image_stack_top,
    reset,
    fault, /* NMI */
    fault, /* HardFault */
    fault, /* MemManage */
    fault, /* BusFault */
    fault, /* UsageFault */
    fault, /* SecureFault */
    fault,
    fault,
    fault,
    fault, /* SVCall */
    fault,
    fault,
    fault, /* PendSV */
    fault, /* SysTick */
};

static void stop(void) {
    for (;;) {
        __asm volatile("" ::: "memory");
    }
}

void reset(void) {
#if defined(__ARM_FP)
    *reg(SCB_CPACR) |= 0xFU << 20; /* coprocessors 10 and 11: floating point and Helium */
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    for (const image_copy *copy = image_copies; copy != image_copies_end; copy++) {
        memcpy(copy->to, copy->from, copy->bytes);
    }
    memset(image_bss, 0, (size_t)(image_bss_end - image_bss));
    __asm volatile("dsb\n\tisb" ::: "memory"); /* before code runs that was copied */
    (void)main();
    stop();
}

void fault_report(const uint32_t *frame) {
    const int framed = frame >= image_stack_limit && frame + FRAME_PC < image_stack_top;
    put_text("\r\ne-[fault pc=");
    put_word(framed ? frame[FRAME_PC] : 0U);
    put_text(" lr=");
    put_word(framed ? frame[FRAME_LR] : 0U);
    put_text(" sp=");
    put_word((uint32_t)(uintptr_t)frame);
#if __ARM_ARCH_ISA_THUMB == 2
    put_text(" cfsr=");
    put_word(*reg(SCB_CFSR));
#endif
    put_text("]\r\n");
    stop();
}

/* The frame may lie outside the stack after an overflow, so the report starts on a fresh one. */
__attribute__((naked)) void fault(void) {
    __asm volatile("mov r0, sp\n\t"
                   "ldr r1, =image_stack_top\n\t"
                   "mov sp, r1\n\t"
                   "ldr r1, =fault_report\n\t"
                   "bx r1\n\t"
                   ".ltorg");
}
