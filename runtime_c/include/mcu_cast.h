/* mcu_cast.h: numbers of one type to another.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_CAST_H
#define MCU_CAST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Types of integers; a boolean is a byte of 0 or 1.
enum { MCU_BOOL, MCU_U8, MCU_S8, MCU_S16, MCU_S32 };

typedef struct {
    int32_t elements;
    int32_t from; ///< type of the input where that is not float
    int32_t to;   ///< type of the output where that is not float
} mcu_cast_params;

/// Integer to integer, modulo the range; to a boolean what is not 0.
/// input and output [elements]; they must not overlap.
void mcu_cast_integer_ref(const mcu_cast_params *params, const void *input, void *output);

/// Integer to float, rounded to the nearest. As above.
void mcu_cast_to_f32_ref(const mcu_cast_params *params, const void *input, float *output);

/// Float to integer, towards zero; beyond the range it saturates, NaN becomes 0. As above.
void mcu_cast_from_f32_ref(const mcu_cast_params *params, const float *input, void *output);

static inline int32_t mcu_load_integer(const void *from, int32_t type, int32_t i) {
    switch (type) {
    case MCU_S32:
        return ((const int32_t *)from)[i];
    case MCU_S16:
        return ((const int16_t *)from)[i];
    case MCU_S8:
        return ((const int8_t *)from)[i];
    default:
        return ((const uint8_t *)from)[i];
    }
}

static inline void mcu_store_integer(void *to, int32_t type, int32_t i, int32_t value) {
    switch (type) {
    case MCU_S32:
        ((int32_t *)to)[i] = value;
        break;
    case MCU_S16:
        ((int16_t *)to)[i] = (int16_t)value;
        break;
    case MCU_BOOL:
        ((uint8_t *)to)[i] = (value != 0) ? 1U : 0U;
        break;
    default: /* the bytes of uint8_t and int8_t are the same */
        ((uint8_t *)to)[i] = (uint8_t)value;
        break;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_CAST_H */
