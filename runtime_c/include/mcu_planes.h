/* mcu_planes.h: four channels of an image as planes, a byte for each pixel, and back.
 * Blocks of four pixels by four channels are transposed in registers.
 * SPDX-License-Identifier: MIT-0 */
#ifndef MCU_PLANES_H
#define MCU_PLANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mcu_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MCU_PLANES = 4 };

/// Planes of `height` rows of `width` pixels, `pitch` bytes apart, and the same pixels in an image
/// of `channels` channels.
typedef struct {
    int8_t *plane;
    int32_t plane_bytes; ///< from plane to plane
    int32_t pitch;
    int32_t height;
    int32_t width;
    int32_t channels;
} mcu_planes;

#if MCU_DSP_ASSEMBLY
/* clang-format off */

/* Rows of bytes r7 r8 r9 r10 to columns r8 r10 r11 r9; GE selects the even bytes of the first. */
#define MCU_PLANES_TRANSPOSE                                                                       \
    "lsl r11, r8, #8\n sel r11, r7, r11\n lsr r7, #8\n sel r7, r7, r8\n"                           \
    "lsl r12, r10, #8\n sel r12, r9, r12\n lsr r9, #8\n sel r9, r9, r10\n"                         \
    "pkhbt r8, r11, r12, lsl #16\n pkhtb r11, r12, r11, asr #16\n"                                 \
    "pkhbt r10, r7, r9, lsl #16\n pkhtb r9, r9, r7, asr #16\n"

/* r0 image, r1 channels, lr 3 * channels, r2-r5 planes, r6 pixels left; sp: width, bytes from a
 * row's end to the next one, rows left. */
#define MCU_PLANES_ENTER                                                                           \
    "push {r4-r11, lr}\n"                                                                          \
    "ldm r1, {r2-r7}\n"                                                                            \
    "mov r1, r7\n add lr, r7, r7, lsl #1\n sub r7, r4, r6\n mov r8, r5\n"                          \
    "push {r6, r7, r8}\n"                                                                          \
    "add r4, r2, r3, lsl #1\n add r5, r4, r3\n add r3, r2\n"                                       \
    "mov r7, #0x00ff00ff\n uadd8 r7, r7, r7\n"
#define MCU_PLANES_NEXT_ROW                                                                        \
    "ldm sp, {r6, r7, r8}\n subs r8, #1\n str r8, [sp, #8]\n"                                      \
    "add r2, r7\n add r3, r7\n add r4, r7\n add r5, r7\n"                                          \
    "bne.w 1b\n"                                                                                   \
    "add sp, #12\n pop {r4-r11, pc}\n"

/* Copies four channels of an image to planes: 25 cycles for 16 bytes. */
MCU_ASSEMBLY_FUNCTION
static void mcu_planes_gather4(const int8_t *image MCU_UNUSED, const mcu_planes *to MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        MCU_PLANES_ENTER
        "1:\n"
        "subs r6, #4\n blt 3f\n"
        "2:\n"
        "ldr r7, [r0]\n ldr r8, [r0, r1]\n ldr r9, [r0, r1, lsl #1]\n ldr r10, [r0, lr]\n"
        "add r0, r0, r1, lsl #2\n subs r6, #4\n"
        MCU_PLANES_TRANSPOSE
        "str r8, [r2], #4\n str r10, [r3], #4\n str r11, [r4], #4\n str r9, [r5], #4\n"
        "bge 2b\n"
        "3:\n"
        "lsls r12, r6, #31\n bcc 4f\n"
        "ldr r7, [r0]\n ldr r8, [r0, r1]\n add r0, r0, r1, lsl #1\n"
        "lsl r11, r8, #8\n sel r11, r7, r11\n lsr r7, #8\n sel r7, r7, r8\n"
        "strh r11, [r2], #2\n strh r7, [r3], #2\n lsr r11, #16\n lsr r7, #16\n"
        "strh r11, [r4], #2\n strh r7, [r5], #2\n"
        "4:\n"
        "bpl 5f\n"
        "ldr r7, [r0]\n add r0, r1\n strb r7, [r2], #1\n lsr r8, r7, #8\n strb r8, [r3], #1\n"
        "lsr r8, r7, #16\n strb r8, [r4], #1\n lsr r8, r7, #24\n strb r8, [r5], #1\n"
        "5:\n"
        MCU_PLANES_NEXT_ROW);
}

/* Copies planes to four channels of an image: 28 cycles for 16 bytes. */
MCU_ASSEMBLY_FUNCTION
static void mcu_planes_scatter4(int8_t *image MCU_UNUSED, const mcu_planes *from MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        MCU_PLANES_ENTER
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
        MCU_PLANES_NEXT_ROW);
}

/* Fills planes, 64 bytes in 21 cycles; the count is a multiple of 16. */
MCU_ASSEMBLY_FUNCTION
static void mcu_planes_fill(int8_t *to MCU_UNUSED, int32_t bytes MCU_UNUSED,
                            int32_t value MCU_UNUSED) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r8, lr}\n"
        "bfi r2, r2, #8, #8\n bfi r2, r2, #16, #16\n"
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

static inline void mcu_planes_gather4(const int8_t *image, const mcu_planes *to) {
    for (int32_t y = 0; y < to->height; y++) {
        for (int32_t x = 0; x < to->width; x++, image += to->channels) {
            for (int32_t c = 0; c < MCU_PLANES; c++) {
                to->plane[c * to->plane_bytes + y * to->pitch + x] = image[c];
            }
        }
    }
}

static inline void mcu_planes_scatter4(int8_t *image, const mcu_planes *from) {
    for (int32_t y = 0; y < from->height; y++) {
        for (int32_t x = 0; x < from->width; x++, image += from->channels) {
            for (int32_t c = 0; c < MCU_PLANES; c++) {
                image[c] = from->plane[c * from->plane_bytes + y * from->pitch + x];
            }
        }
    }
}

static inline void mcu_planes_fill(int8_t *to, int32_t bytes, int32_t value) {
    (void)memset(to, value, (size_t)bytes);
}

#endif

/// One channel of an image to the first plane.
static inline void mcu_planes_gather1(const int8_t *image, const mcu_planes *to) {
    const int32_t channels = to->channels;
    const int32_t width = to->width;
    int8_t *row = to->plane;
    for (int32_t y = to->height; y > 0; y--, row += to->pitch) {
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

/// The first plane to one channel of an image.
static inline void mcu_planes_scatter1(int8_t *image, const mcu_planes *from) {
    const int32_t channels = from->channels;
    const int32_t width = from->width;
    const int8_t *row = from->plane;
    for (int32_t y = from->height; y > 0; y--, row += from->pitch) {
        int32_t x = 0;
        for (; x + 4 <= width; x += 4, image += 4 * channels) {
            image[0] = row[x];
            image[channels] = row[x + 1];
            image[2 * channels] = row[x + 2];
            image[3 * channels] = row[x + 3];
        }
        for (; x < width; x++, image += channels) {
            *image = row[x];
        }
    }
}

/// The channels [channel, channel + count) of what a depthwise convolution reads, count being 4 or
/// 1; each channel of the image is read `multiplier` times.
static inline void mcu_planes_gather(const int8_t *image, mcu_planes to, int32_t channel,
                                     int32_t count, int32_t multiplier) {
    if (count == MCU_PLANES && multiplier == 1) {
        mcu_planes_gather4(image + channel, &to);
        return;
    }
    for (int32_t c = channel; c < channel + count; c++, to.plane += to.plane_bytes) {
        mcu_planes_gather1(image + c / multiplier, &to);
    }
}

/// The planes to channels [channel, channel + count) of an image, count being 4 or 1.
static inline void mcu_planes_scatter(int8_t *image, const mcu_planes *from, int32_t channel,
                                      int32_t count) {
    if (count == MCU_PLANES) {
        mcu_planes_scatter4(image + channel, from);
    } else {
        mcu_planes_scatter1(image + channel, from);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* MCU_PLANES_H */
