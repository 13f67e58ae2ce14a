/* mcu_move_ref.c: a tensor to another place, in blocks that are in registers between reading and
 * writing. Towards higher addresses it goes from the end, as memmove() does, whose common versions
 * then take single bytes.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_move.h"

#include <string.h>

enum { BLOCK = 16 };

static void move_block(uint8_t *to, const uint8_t *from) {
    uint32_t words[BLOCK / 4];
    (void)memcpy(words, from, BLOCK);
    (void)memcpy(to, words, BLOCK);
}

void mcu_move_ref(const mcu_move_params *params, const void *input, void *output) {
    const uint8_t *const from = input;
    uint8_t *const to = output;
    const int32_t whole = params->bytes / BLOCK * BLOCK;
    if ((uintptr_t)to <= (uintptr_t)from) {
        for (int32_t i = 0; i < whole; i += BLOCK) {
            move_block(to + i, from + i);
        }
        for (int32_t i = whole; i < params->bytes; i++) {
            to[i] = from[i];
        }
    } else {
        for (int32_t i = params->bytes; i > whole; i--) {
            to[i - 1] = from[i - 1];
        }
        for (int32_t i = whole; i > 0; i -= BLOCK) {
            move_block(to + i - BLOCK, from + i - BLOCK);
        }
    }
}
