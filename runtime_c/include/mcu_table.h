/* mcu_table.h: a function of one int8 value, tabulated.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_TABLE_H
#define MCU_TABLE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    const int8_t *table; ///< [256], indexed by the input's bits: 0 to 127, then -128 to -1
} mcu_table_s8_params;

/// input and output [elements]; the output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_table_s8_ref(const mcu_table_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_TABLE_H */
