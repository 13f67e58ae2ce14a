/* mcu_resize_bilinear_s8_ref.c: bilinear interpolation on int8, plain C, any core.
 * SPDX-License-Identifier: MIT-0 */
#include "mcu_port.h"
#include "mcu_resize_bilinear.h"

#define ONE      1024 /* Q10 */
#define HALF_Q20 (1 << 19)

/* Four pixels as bytes from the first channel of an image, and their weights in Q20. */
typedef struct {
    int32_t at[4];
    int32_t weight[4];
} pixels;

/* int32: pixels in [-128, 127]; weights of an axis are in [-1/2, 3/2] and add up to 1, so that
 * |sum| <= 2^7 * 2^2 * 2^20 = 2^29. */
static int8_t mix(const pixels *p, const int8_t *channel) {
    const int32_t sum = channel[p->at[0]] * p->weight[0] + channel[p->at[1]] * p->weight[1] +
                        channel[p->at[2]] * p->weight[2] + channel[p->at[3]] * p->weight[3];
    return (int8_t)((sum + ((sum > 0) ? HALF_Q20 : -HALF_Q20)) / (ONE * ONE));
}

void mcu_resize_bilinear_s8_ref(const mcu_resize_bilinear_s8_params *params, const int8_t *input,
                                int8_t *output) {
    const mcu_resize_bilinear_s8_params *const p = params;
    const int32_t down = p->in_w * p->channels;
    MCU_ASSERT(p->in_h > 0 && p->in_w > 0);

    for (int32_t n = 0; n < p->batch; n++) {
        for (int32_t y = 0; y < p->out_h; y++) {
            const int16_t *const row = p->rows + 3 * y;
            for (int32_t x = 0; x < p->out_w; x++) {
                const int16_t *const col = p->cols + 3 * x;
                const pixels four = {
                    {row[0] * down + col[0] * p->channels, row[0] * down + col[1] * p->channels,
                     row[1] * down + col[0] * p->channels, row[1] * down + col[1] * p->channels},
                    {(ONE - row[2]) * (ONE - col[2]), (ONE - row[2]) * col[2],
                     row[2] * (ONE - col[2]), row[2] * col[2]}};
                for (int32_t c = 0; c < p->channels; c++) {
                    *output = mix(&four, input + c);
                    output++;
                }
            }
        }
        input += p->in_h * down;
    }
}
