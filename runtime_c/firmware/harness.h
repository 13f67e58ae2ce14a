/* harness.h: what the firmware harness knows of a model, and what its parts share.
 * SPDX-License-Identifier: MIT-0 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { ELEMENT_S8, ELEMENT_U8, ELEMENT_S16, ELEMENT_S32, ELEMENT_F32 } element_type;

typedef struct {
    void *(*address)(void); ///< where to write the tensor
    size_t bytes;
} model_input;

/// real = scale * (q - zero_point); float elements are taken as they are.
typedef struct {
    const void *(*address)(void); ///< where the tensor lies after a run
    size_t bytes;
    element_type type;
    float scale;
    int32_t zero_point;
} model_output;

/// A model, as its adaptor presents it. All tables are constant.
typedef struct {
    const char *name;
    const char *id; ///< changes with the model, the kernels and the memory plan
    const model_input *inputs;
    size_t input_count;
    const model_output *outputs;
    size_t output_count;
    uint8_t *staging;        ///< holds all inputs, one after the other; not part of the arena
    size_t staging_bytes;    ///< the sum of the inputs' sizes
    int32_t (*invoke)(void); ///< runs the model once; 0 on success
    int32_t layers;          ///< layers that call mcu_observe(), 0 in a build without it
} model_table;

/// The model of this image, defined by the adaptor.
extern const model_table model;

/// Copies the staged inputs to the model.
void model_load(void);

/// Loads and runs the model; returns its status.
int32_t model_run(void);

/// Commands of mcugen's own, behind the word "mcu"; `arguments` may be NULL.
void inspect_command(char *arguments);

/// The next word of `*rest`, which moves behind it; NULL when there is none. Words end at blanks.
char *next_word(char **rest);

#endif /* HARNESS_H */
