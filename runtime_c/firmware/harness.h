/* harness.h: what the firmware harness knows of a model, and what its parts share.
 * SPDX-License-Identifier: MIT-0 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    ELEMENT_S8,
    ELEMENT_U8,
    ELEMENT_S16,
    ELEMENT_S32,
    ELEMENT_S64,
    ELEMENT_F32
} element_type;

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

enum { MODEL_GUARD = 32 }; ///< bytes on either side of its memory that no model may write

/// A model, as its adaptor presents it. All tables are constant.
typedef struct {
    const char *name;
    const char *id; ///< changes with every file of the generated project
    const model_input *inputs;
    size_t input_count;
    const model_output *outputs;
    size_t output_count;
    uint8_t *staging;        ///< holds all inputs, one after the other; not part of the arena
    size_t staging_bytes;    ///< the sum of the inputs' sizes
    size_t staging_room;     ///< of the buffer, at least staging_bytes
    int32_t (*invoke)(void); ///< runs the model once; 0 on success
    uint8_t *const *guards;  ///< below and above all that the model works in
    size_t guard_count;
    int32_t layers; ///< layers that call mcu_observe(), 0 in a build without it
} model_table;

/// The model of this image, defined by the adaptor.
extern const model_table model;

/// Copies the staged inputs to the model, and fills the guards.
void model_load(void);

/// Whether the guards still hold what they were filled with.
bool model_is_intact(void);

/// Loads and runs the model; returns its status.
int32_t model_run(void);

/// Answers a command of MLPerf Tiny; false if it is none. `arguments` may be NULL, as below.
bool benchmark_command(const char *word, char *arguments);

/// Says that the firmware has started.
void benchmark_start(void);

/// Commands of mcugen's own, behind the word "mcu". `sequence` is the number of a sealed command,
/// 0 for one without a seal.
void inspect_command(uint32_t sequence, char *arguments);

/// Asks for another rate of the UART, from the end of this reply on. False where it has none.
bool rate_request(uint32_t baud);

/// Changes to the rate that was asked for.
void rate_apply(void);

/// Something was understood at this rate: it stays.
void rate_confirm(void);

/// Goes back to the rate before if the new one has been on trial for too long. True while it is.
bool rate_on_trial(void);

/// The next word of `*rest`, which moves behind it; NULL when there is none. Words end at blanks.
char *next_word(char **rest);

#endif /* HARNESS_H */
