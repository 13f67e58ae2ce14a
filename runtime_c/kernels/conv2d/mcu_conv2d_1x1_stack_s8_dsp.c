/* mcu_conv2d_1x1_stack_s8_dsp.c: 1x1 convolution on int8, 4 to 64 input channels; see
 * mcu_pointwise_stack_dsp.h. The words of the pixels end where those of 64 channels would: the core
 * jumps over the products that are too many, which takes 5 cycles for two channels of four pixels.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_conv2d_1x1_s8_dsp.h"
#include "mcu_pointwise_stack_dsp.h"

#if MCU_DSP_ASSEMBLY
/* clang-format off */

#define SKIP "7" /* of the state: bytes of products to jump over, 48 for each word */
#define ENTER                                                                                      \
    "strh r5, " MCU_PS_TAPS("64") "\n rsb r9, r3, #32\n mov r10, #48\n mul r9, r10\n"              \
    MCU_PUT(SKIP, "r9")
/* From where the words begin: 16 bytes for each of those of two channels, which are a quarter of
 * the pair's bytes, less 20. */
#define FILL                                                                                       \
    "ldrh r9, " MCU_PS_TAPS("64") "\n ldrh r2, " MCU_PS_PAIR("64") "\n"                            \
    "add r1, sp, #" MCU_FOUR_PLACE " + 8 * 64 + 4 * 20\n sub r1, r1, r2, lsl #2\n"                 \
    MCU_PS_FILL_ANY
#define SUMS                                                                                       \
    MCU_PS_FIRST("8 * 64 - 16")                                                                    \
    MCU_GET("r2", SKIP)                                                                            \
    ".balign 4\n add pc, r2\n nop\n" /* pc is the address of the first of them */                  \
    MCU_PS_NEXT("31")

/* clang-format on */
#endif

MCU_PS_CORE(core_to_64, "64", ENTER, FILL, SUMS)

void mcu_conv2d_1x1_stack_s8_dsp(const mcu_conv2d_1x1_s8_dsp_params *params, const int8_t *input,
                                 int8_t *output) {
    MCU_ASSERT(params->in_ch >= 4 && params->in_ch <= MCU_PS_MOST);
    mcu_pointwise_stack(params, input, output, mcu_ps_words(params->in_ch), core_to_64);
}
