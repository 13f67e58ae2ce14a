/* mcu_port.h: the only place for compiler extensions and build-time switches.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_PORT_H
#define MCU_PORT_H

/* Arguments of kernels are valid by construction. Define MCU_ASSERT(condition) to check them. */
#ifndef MCU_ASSERT
#define MCU_ASSERT(condition) ((void)0)
#endif

#endif /* MCU_PORT_H */
