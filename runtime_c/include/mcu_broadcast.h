/* mcu_broadcast.h: the loops over two operands of which either may repeat along some axes.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_BROADCAST_H
#define MCU_BROADCAST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Axes along which the operands repeat alike were merged when the project was generated, so the
 * last loop is long, and tensors of one shape are a single run. */
typedef struct {
    int32_t counts[4]; ///< shape of the output
    int32_t steps1[4]; ///< elements; 0 along an axis where the first operand repeats
    int32_t steps2[4]; ///< the same for the second operand
} mcu_broadcast;

/// Where a run, one pass of the last loop, begins in both operands. All zeros for the first one.
typedef struct {
    int32_t index[3];
    int32_t start1;
    int32_t start2;
} mcu_run;

/// Goes to the next run; 0 when there is none.
static inline int32_t mcu_next_run(const mcu_broadcast *loops, mcu_run *run) {
    for (int32_t axis = 2; axis >= 0; axis--) {
        run->index[axis]++;
        run->start1 += loops->steps1[axis];
        run->start2 += loops->steps2[axis];
        if (run->index[axis] < loops->counts[axis]) {
            return 1;
        }
        run->index[axis] = 0;
        run->start1 -= loops->counts[axis] * loops->steps1[axis];
        run->start2 -= loops->counts[axis] * loops->steps2[axis];
    }
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_BROADCAST_H */
