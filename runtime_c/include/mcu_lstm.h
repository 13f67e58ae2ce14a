/* mcu_lstm.h: a long short-term memory over a sequence.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_LSTM_H
#define MCU_LSTM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Arrays of four belong to the gates input, forget, cell, output. Multipliers are Q0.31, shifts
/// [-31, 30], left when positive. Gates are Q3.12 before and Q0.15 behind their nonlinearity.
typedef struct {
    int32_t batch;
    int32_t steps;
    int32_t features;
    int32_t units;
    int32_t batch_stride;  ///< vectors from one sequence to the next
    int32_t step_stride;   ///< vectors from one step to the next
    int32_t input_offset;  ///< -zero_point of the input, [-127, 128]
    int32_t hidden_offset; ///< -zero_point of the hidden state and the output, [-127, 128]
    int32_t input_multiplier[4];
    int32_t input_shift[4];
    int32_t hidden_multiplier[4];
    int32_t hidden_shift[4];
    int32_t forget_multiplier; ///< of forget gate * cell
    int32_t forget_shift;
    int32_t cell_multiplier; ///< of input gate * cell gate
    int32_t cell_shift;
    int32_t output_multiplier; ///< of output gate * tanh(cell)
    int32_t output_shift;
    int32_t cell_min; ///< clip of the cell
    int32_t cell_max;
    int32_t tanh_shift;           ///< from the cell to Q3.12, [-15, 11], left when positive
    const int8_t *input_weights;  ///< [4][units][features]
    const int8_t *hidden_weights; ///< [4][units][units]
    const int32_t *bias;          ///< [4][units]
    const uint16_t *sigmoid;      ///< [256], see mcu_sigmoid_s16.h
} mcu_lstm_s8_params;

/// input and output are vectors of features and units, placed by the strides. hidden [batch][units]
/// and cell [batch][units] are read and updated. None of them may overlap.
void mcu_lstm_s8_ref(const mcu_lstm_s8_params *params, const int8_t *input, int8_t *hidden,
                     int16_t *cell, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_LSTM_H */
