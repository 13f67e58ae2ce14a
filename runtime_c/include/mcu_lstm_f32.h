/* mcu_lstm_f32.h: a long short-term memory over a sequence, on float32.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_LSTM_F32_H
#define MCU_LSTM_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The four rows of weights of a unit, and its biases, belong to the gates input, forget, cell and
/// output.
typedef struct {
    int32_t batch;
    int32_t steps;
    int32_t features;
    int32_t units;
    int32_t batch_stride; ///< vectors from one sequence to the next
    int32_t step_stride;  ///< vectors from one step to the next
    int32_t activation;   ///< of the cell gate and of the cell, see mcu_activation_f32.h
    float act_min;
    float act_max;
    float cell_min; ///< clip of the cell
    float cell_max;
    const float *input_weights;  ///< [units][4][features]
    const float *hidden_weights; ///< [units][4][units]
    const float *bias;           ///< [units][4]
} mcu_lstm_f32_params;

/// input and output are vectors of features and units, placed by the strides. hidden [batch][units]
/// and cell [batch][units] are read and updated. None of them may overlap.
void mcu_lstm_f32_ref(const mcu_lstm_f32_params *params, const float *input, float *hidden,
                      float *cell, float *output);

#ifdef __cplusplus
}
#endif

#endif /* MCU_LSTM_F32_H */
