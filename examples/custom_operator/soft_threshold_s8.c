/* soft_threshold_s8: int8, in plain C.
 * SPDX-License-Identifier: MIT-0 */
#include "soft_threshold.h"

void soft_threshold_s8(const soft_threshold_params *params, const int8_t *input, int8_t *output) {
    const int32_t zero_point = params->zero_point;
    const int32_t steps = params->steps;
    for (int32_t i = 0; i < params->elements; i++) {
        const int32_t centred = input[i] - zero_point; /* [-255, 255] */
        int32_t moved = 0;
        if (centred > steps) {
            moved = centred - steps;
        } else if (centred < -steps) {
            moved = centred + steps;
        }
        output[i] = (int8_t)(moved + zero_point);
    }
}
