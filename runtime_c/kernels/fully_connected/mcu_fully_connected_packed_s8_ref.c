/* mcu_fully_connected_packed_s8_ref.c: dense layer on int8 with packed weights, any core.
 *
 * Four outputs are computed together, so that an input is loaded once for four products
 * (mcu_dot.h). Weights lie in the order of reading, those of four outputs for an input side by
 * side. They are stored plus 128, for which 128 times the sum of the inputs is taken off; the bias
 * holds the input's zero point. SPDX-License-Identifier: MIT-0 */
#include "mcu_fully_connected_packed_s8_ref.h"

#include "mcu_dot.h"
#include "mcu_port.h"

void mcu_fully_connected_packed_s8_ref(const mcu_fully_connected_packed_s8_params *params,
                                       const int8_t *input, int8_t *output) {
    const mcu_fully_connected_packed_s8_params *const p = params;
    MCU_ASSERT(p->in > 0 && p->in % 4 == 0);

    for (int32_t row = 0; row < p->batch; row++, input += p->in) {
        const int32_t surplus = mcu_dot_surplus(input, p->in);
        const uint8_t *weights = p->weights;
        const int32_t *constants = p->constants;
        for (int32_t first = 0; first < p->out; first += MCU_DOT_COLUMNS) {
            const int32_t rest = p->out - first;
            const int32_t count = (rest < MCU_DOT_COLUMNS) ? rest : MCU_DOT_COLUMNS;
            int32_t acc[MCU_DOT_COLUMNS];
            for (int32_t c = 0; c < MCU_DOT_COLUMNS; c++) {
                acc[c] = p->bias[first + c] - surplus;
            }
            mcu_dot_row(acc, input, weights, input + p->in);
            mcu_finish_sums(&p->finish, constants, acc, count, output);
            weights += MCU_DOT_COLUMNS * p->in;
            constants += p->finish.step * MCU_DOT_COLUMNS;
            output += count;
        }
    }
}
