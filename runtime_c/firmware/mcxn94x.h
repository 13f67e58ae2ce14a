/* mcxn94x.h: what the drivers of the MCX N94x have in common.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCXN94X_H
#define MCXN94X_H

#include "platform.h"

#define SYSCON 0x40000000U

#endif /* MCXN94X_H */
