/* mcu_planes.h: four channels of an image to planes with padding around them, and back.
 * Blocks of four pixels by four channels are transposed in registers.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_PLANES_H
#define MCU_PLANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mcu_dsp.h"
#include "mcu_planes_layout.h"
#include "mcu_port.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_PLANES = 4 };

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* Rows of bytes r7 r8 r9 r10 to columns r8 r10 r11 r9; GE selects the even bytes of the first. */
#define MCU_PLANES_TRANSPOSE                                                                       \
    "lsl r11, r8, #8\n sel r11, r7, r11\n lsr r7, #8\n sel r7, r7, r8\n"                           \
    "lsl r12, r10, #8\n sel r12, r9, r12\n lsr r9, #8\n sel r9, r9, r10\n"                         \
    "pkhbt r8, r11, r12, lsl #16\n pkhtb r11, r12, r11, asr #16\n"                                 \
    "pkhbt r10, r7, r9, lsl #16\n pkhtb r9, r9, r7, asr #16\n"

/* What follows a row: padding to the right, as much as there is; the next row. */
#define MCU_PLANES_GO_ON                                                                           \
    "ldm sp, {r6-r10}\n" /* more, left, right, back, height */                                     \
    "subs r10, #1\n str r10, [sp, #16]\n sub r0, r9\n beq 7f\n"                                    \
    "cmp r8, #1\n blt 3b\n bgt 1b\n ldr r11, [sp, #20]\n"                                          \
    "str r11, [r2], #4\n str r11, [r3], #4\n str r11, [r4], #4\n str r11, [r5], #4\n"              \
    "b 3b\n"
#define MCU_PLANES_SKIP                                                                            \
    "ldm sp, {r6-r10}\n"                                                                           \
    "sub r10, #1\n str r10, [sp, #16]\n sub r0, r9\n"                                              \
    "cmp r8, #0\n beq 13f\n ldr r11, [sp, #20]\n"                                                  \
    "12:\n"                                                                                        \
    "str r11, [r2], #4\n str r11, [r3], #4\n str r11, [r4], #4\n str r11, [r5], #4\n"              \
    "subs r8, #1\n bne 12b\n"                                                                      \
    "13:\n"                                                                                        \
    "ldr r11, [sp, #28]\n add r2, r11\n add r3, r11\n add r4, r11\n add r5, r11\n"                 \
    "cmp r10, #0\n bne.w 3b\n"

/* Copies four channels of an image to planes, padding included: 25 cycles for 16 bytes. `second`
 * and `third` are r8 and r9 for pixels in their order, r9 and r8 for the order 0 2 1 3 in each word;
 * `row_end` is GO_ON, or SKIP where there may be gaps between rows.
 * r0 image, r1 channels, lr 3 * channels, r2-r5 planes, r6 columns left; sp: `to` from `more` on. */
#define MCU_PLANES_GATHER4(name, second, third, swapped, row_end)                                  \
    MCU_ASSEMBLY_FUNCTION                                                                          \
    static void name(const int8_t *image MCU_UNUSED, int8_t *planes MCU_UNUSED,                    \
                     const mcu_planes_filling *to MCU_UNUSED) {                                    \
        __asm__(                                                                                   \
            ".syntax unified\n"                                                                    \
            "push {r4-r11, lr}\n"                                                                  \
            "ldr r3, [r2, #40]\n push {r3}\n ldm r2, {r3-r12}\n push {r6-r12}\n"                   \
            "mov r2, r1\n mov r1, r4\n mls r0, r7, r1, r0\n add lr, r1, r1, lsl #1\n mov r8, r5\n" \
            "add r4, r2, r3, lsl #1\n add r5, r4, r3\n add r3, r2\n"                               \
            "mov r9, #0x00ff00ff\n uadd8 r9, r9, r9\n"                                             \
            "cmp r8, #0\n beq 3f\n"                                                                \
            "1:\n" /* r8 words of padding, one or more */                                          \
            "ldr r11, [sp, #20]\n"                                                                 \
            "2:\n"                                                                                 \
            "str r11, [r2], #4\n str r11, [r3], #4\n str r11, [r4], #4\n str r11, [r5], #4\n"      \
            "subs r8, #1\n bne 2b\n"                                                               \
            "cmp r10, #0\n beq.w 8f\n"                                                             \
            "3:\n" /* a row, r10 of them are left */                                               \
            "cbz r7, 4f\n cmp r7, #1\n bne.w 9f\n"                                                 \
            "ldr " second ", [r0, r1]\n ldr " third ", [r0, r1, lsl #1]\n"                         \
            "ldr r10, [r0, lr]\n ldr r7, [sp, #20]\n b 5f\n"                                       \
            "4:\n"                                                                                 \
            "ldr r7, [r0]\n ldr " second ", [r0, r1]\n"                                            \
            "ldr " third ", [r0, r1, lsl #1]\n ldr r10, [r0, lr]\n"                                \
            "5:\n"                                                                                 \
            "add r0, r0, r1, lsl #2\n subs r6, #4\n"                                               \
            MCU_PLANES_TRANSPOSE                                                                   \
            "str r8, [r2], #4\n str r10, [r3], #4\n str r11, [r4], #4\n str r9, [r5], #4\n"        \
            "bge 4b\n"                                                                             \
            "adds r6, #4\n beq 6f\n"                                                               \
            "ldr r10, [sp, #20]\n ldr r7, [r0]\n"                                                  \
            "cmp r6, #2\n bge 10f\n"                                                               \
            "bfi r10, r7, #0, #8\n str r10, [r2], #4\n lsr r7, #8\n"                               \
            "bfi r10, r7, #0, #8\n str r10, [r3], #4\n lsr r7, #8\n"                               \
            "bfi r10, r7, #0, #8\n str r10, [r4], #4\n lsr r7, #8\n"                               \
            "bfi r10, r7, #0, #8\n str r10, [r5], #4\n add r0, r0, r1, lsl #2\n"                   \
            "6:\n"                                                                                 \
            row_end                                                                                \
            "7:\n"                                                                                 \
            "ldr r9, [sp, #24]\n adds r8, r9\n bne.w 1b\n"                                         \
            "8:\n add sp, #32\n pop {r4-r11, pc}\n"                                                \
            "9:\n" /* two or three columns of padding */                                           \
            "cmp r7, #2\n ldr r7, [sp, #20]\n mov r8, r7\n mov r9, r7\n"                           \
            "ldr r10, [r0, lr]\n bgt.w 5b\n ldr " third ", [r0, r1, lsl #1]\n b 5b\n"              \
            "10:\n" /* two or three pixels left */                                                 \
            "mov r8, r10\n mov r9, r10\n ldr " second ", [r0, r1]\n beq 11f\n"                     \
            "ldr " third ", [r0, r1, lsl #1]\n"                                                    \
            "11:\n" MCU_PLANES_TRANSPOSE                                                           \
            "str r8, [r2], #4\n str r10, [r3], #4\n str r11, [r4], #4\n str r9, [r5], #4\n"        \
            "add r0, r0, r1, lsl #2\n b 6b\n");                                                    \
    }

/* Copies results in four planes to four channels of an image: 28 cycles for 16 bytes.
 * r0 image, r1 channels, r2-r5 planes, r6 pixels left, lr rows left. */
MCU_ASSEMBLY_FUNCTION
static void mcu_planes_scatter4(int8_t *image MCU_UNUSED, const int8_t *planes MCU_UNUSED,
                                const mcu_planes_results *from MCU_UNUSED,
                                int32_t plane_bytes MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldm r2, {r4-r7}\n" /* pitch, height, width, channels */
        "mov r2, r1\n mov r1, r7\n sub r7, r4, r6\n mov lr, r5\n"
        "push {r6, r7}\n" /* sp: width, bytes from a row's end to the next one */
        "add r4, r2, r3, lsl #1\n add r5, r4, r3\n add r3, r2\n"
        "mov r7, #0x00ff00ff\n uadd8 r7, r7, r7\n"
        ".balign 4\n"
        "1:\n"
        "subs r6, #4\n blt 3f\n"
        "2:\n"
        "ldr r7, [r2], #4\n ldr r8, [r3], #4\n ldr r9, [r4], #4\n ldr r10, [r5], #4\n"
        MCU_PLANES_TRANSPOSE
        "str r8, [r0]\n str r10, [r0, r1]\n add r0, r0, r1, lsl #1\n subs r6, #4\n"
        "str r11, [r0]\n str r9, [r0, r1]\n add r0, r0, r1, lsl #1\n"
        "bge 2b\n"
        "3:\n"
        "lsls r12, r6, #31\n bcc 4f\n"
        "ldrh r7, [r2], #2\n ldrh r8, [r3], #2\n ldrh r9, [r4], #2\n ldrh r10, [r5], #2\n"
        MCU_PLANES_TRANSPOSE
        "str r8, [r0]\n str r10, [r0, r1]\n add r0, r0, r1, lsl #1\n"
        "4:\n"
        "bpl 5f\n"
        "ldrb r7, [r2], #1\n ldrb r8, [r3], #1\n ldrb r9, [r4], #1\n ldrb r10, [r5], #1\n"
        "orr r7, r7, r8, lsl #8\n orr r9, r9, r10, lsl #8\n orr r7, r7, r9, lsl #16\n"
        "str r7, [r0]\n add r0, r1\n"
        "5:\n"
        "ldm sp, {r6, r7}\n subs lr, #1\n"
        "add r2, r7\n add r3, r7\n add r4, r7\n add r5, r7\n"
        "bne.w 1b\n"
        "add sp, #8\n pop {r4-r11, pc}\n");
}

/* Fills planes with a word, 64 bytes in 21 cycles; the count is a multiple of 16. */
MCU_ASSEMBLY_FUNCTION
static void mcu_planes_fill(int8_t *to MCU_UNUSED, int32_t bytes MCU_UNUSED,
                            int32_t word MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r8, lr}\n"
        "mov r3, r2\n mov r4, r2\n mov r5, r2\n"
        "mov r6, r2\n mov r7, r2\n mov r8, r2\n mov r12, r2\n"
        "subs r1, #64\n blt 2f\n"
        "1:\n"
        "stm r0!, {r2-r8, r12}\n stm r0!, {r2-r8, r12}\n subs r1, #64\n bge 1b\n"
        "2:\n"
        "adds r1, #64\n beq 4f\n"
        "3:\n"
        "stm r0!, {r2-r5}\n subs r1, #16\n bgt 3b\n"
        "4:\n"
        "pop {r4-r8, pc}\n");
}

/* clang-format on */

#else

#define MCU_PLANES_GATHER4(name, second, third, swapped, row_end)                                  \
    static void name(const int8_t *image, int8_t *planes, const mcu_planes_filling *to) {          \
        mcu_planes_gather_by_one(image, planes, to, 0, MCU_PLANES, 1, swapped);                    \
    }

static inline void mcu_planes_scatter4(int8_t *image, const int8_t *planes,
                                       const mcu_planes_results *from, int32_t plane_bytes) {
    for (int32_t y = 0; y < from->height; y++) {
        for (int32_t x = 0; x < from->width; x++, image += from->channels) {
            for (int32_t c = 0; c < MCU_PLANES; c++) {
                image[c] = planes[c * plane_bytes + y * from->pitch + x];
            }
        }
    }
}

static inline void mcu_planes_fill(int8_t *to, int32_t bytes, int32_t word) {
    (void)memset(to, mcu_lane(word, 0) >> 8, (size_t)bytes);
}

#endif

/// One channel of an image to a plane that holds the padding already.
static inline void mcu_planes_gather1(const int8_t *image, int8_t *plane,
                                      const mcu_planes_filling *to) {
    const int32_t channels = to->channels;
    const int32_t width = to->more + 4 - to->left;
    const int32_t pitch = 4 * ((to->more + 7) / 4 + to->right) + to->gap;
    int8_t *row = plane + 4 * to->above + to->left;
    for (int32_t y = to->height; y > 0; y--, row += pitch) {
        int32_t x = 0;
        for (; x + 4 <= width; x += 4, image += 4 * channels) {
            row[x] = image[0];
            row[x + 1] = image[channels];
            row[x + 2] = image[2 * channels];
            row[x + 3] = image[3 * channels];
        }
        for (; x < width; x++, image += channels) {
            row[x] = *image;
        }
    }
}

/// Changes the order of the pixels in each word from 0 1 2 3 to 0 2 1 3.
static inline void mcu_planes_swap(int8_t *planes, int32_t bytes) {
    for (int8_t *const end = planes + bytes; planes != end; planes += 4) {
        const int8_t second = planes[1];
        planes[1] = planes[2];
        planes[2] = second;
    }
}

/// Results in the first plane to one channel of an image.
MCU_NOINLINE static void mcu_planes_scatter1(int8_t *image, const int8_t *plane,
                                             const mcu_planes_results *from) {
    const int32_t channels = from->channels;
    const int32_t width = from->width;
    const int8_t *row = plane;
    for (int32_t y = from->height; y > 0; y--, row += from->pitch) {
        for (int32_t x = 0; x < width; x++, image += channels) {
            *image = row[x];
        }
    }
}

/// The channels [channel, channel + count) of what a depthwise convolution reads, one by one, and
/// the padding; each channel of the image is read `multiplier` times.
MCU_NOINLINE static void mcu_planes_gather_by_one(const int8_t *image, int8_t *planes,
                                                  const mcu_planes_filling *to, int32_t channel,
                                                  int32_t count, int32_t multiplier,
                                                  int32_t swapped) {
    const int32_t bytes = count * to->plane_bytes;
    mcu_planes_fill(planes, bytes, to->zero);
    for (int32_t c = 0; c < count; c++) {
        mcu_planes_gather1(image + (channel + c) / multiplier, planes + c * to->plane_bytes, to);
    }
    if (swapped) {
        mcu_planes_swap(planes, bytes);
    }
}

/// Whether a function of MCU_PLANES_GATHER4 can do the same.
static inline int mcu_planes_are_four(const mcu_planes_filling *to, int32_t count,
                                      int32_t multiplier) {
    return count == MCU_PLANES && multiplier == 1 && to->more >= 0;
}

/// Results, which begin at the same place of each plane, to channels [channel, channel + count) of
/// an image, count being 4 or 1.
static inline void mcu_planes_scatter(int8_t *image, const int8_t *planes,
                                      const mcu_planes_results *from, int32_t plane_bytes,
                                      int32_t channel, int32_t count) {
    if (count == MCU_PLANES) {
        mcu_planes_scatter4(image + channel, planes, from, plane_bytes);
    } else {
        mcu_planes_scatter1(image + channel, planes, from);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_PLANES_H */
