/* mcu_state.h: what the core of a kernel in assembly remembers beyond its registers.
 * Eight words, in FPU registers s0 to s7 where there are any: they cost one cycle each way. Else on
 * the stack.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_STATE_H
#define MCU_STATE_H

/* Takes the words from where r1 points to; r2-r9 may be lost. LEAVE is for before the registers are
 * popped. */
#if defined(__ARM_FP)
#define MCU_STATE_ENTER "vldm r1, {s0-s7}\n"
#define MCU_STATE_LEAVE
#define MCU_GET(reg, word) "vmov " reg ", s" word "\n"
#define MCU_PUT(word, reg) "vmov s" word ", " reg "\n"
#else
#define MCU_STATE_ENTER    "ldm r1, {r2-r9}\n push {r2-r9}\n"
#define MCU_STATE_LEAVE    "add sp, #32\n"
#define MCU_GET(reg, word) "ldr " reg ", [sp, #4*" word "]\n"
#define MCU_PUT(word, reg) "str " reg ", [sp, #4*" word "]\n"
#endif

#endif /* MCU_STATE_H */
