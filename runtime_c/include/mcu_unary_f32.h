/* mcu_unary_f32.h: functions of one float32 value.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_UNARY_F32_H
#define MCU_UNARY_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t elements;
    float alpha; ///< of leaky_relu; of gelu: 1 for the approximation by tanh, else 0
} mcu_unary_f32_params;

/// input and output [elements]. The output may begin where the input does or in front of it;
/// otherwise they must not overlap.
void mcu_abs_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_neg_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_leaky_relu_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_hard_swish_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_elu_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_exp_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_log_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_sqrt_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_rsqrt_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_logistic_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_tanh_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);
void mcu_gelu_f32_ref(const mcu_unary_f32_params *params, const float *input, float *output);

/// The loop of these kernels; inlined with `function`, which computes one element.
static inline void mcu_unary_f32(const mcu_unary_f32_params *params, const float *input,
                                 float *output,
                                 float (*function)(const mcu_unary_f32_params *p, float x)) {
    const mcu_unary_f32_params p = *params;
    for (int32_t i = 0; i < p.elements; i++) {
        output[i] = function(&p, input[i]);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_UNARY_F32_H */
