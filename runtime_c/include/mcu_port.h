/* mcu_port.h: the only place for compiler extensions and build-time switches.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_PORT_H
#define MCU_PORT_H

/* Changes when params structs, packed constants or a kernel's contract do: generated code checks
 * it.
 */
#define MCU_KERNELS_ABI 4

/* Arguments of kernels are valid by construction. Define MCU_ASSERT(condition) to check them. */
#ifndef MCU_ASSERT
#define MCU_ASSERT(condition) ((void)0)
#endif

/* Alignment of a variable, in bytes; a compiler that knows no attributes needs its own. */
#ifndef MCU_ALIGNED
#define MCU_ALIGNED(bytes) __attribute__((aligned(bytes)))
#endif

/* Where a constant goes, for a linker script that knows the section; formats but ELF have others.
 */
#ifndef MCU_SECTION
#ifdef __ELF__
#define MCU_SECTION(name) __attribute__((section(name)))
#else
#define MCU_SECTION(name)
#endif
#endif

/* A function that is called, so that what it takes can be told apart from its caller's part. */
#ifndef MCU_NOINLINE
#define MCU_NOINLINE __attribute__((noinline))
#endif

/* With MCU_OBSERVE the models of an image report the output of each layer to its mcu_observe(). */
#ifdef MCU_OBSERVE
#include <stdint.h>
void mcu_observe(int32_t layer, const void *output, int32_t bytes);
#else
#define mcu_observe(layer, output, bytes) ((void)0)
#endif

#endif /* MCU_PORT_H */
