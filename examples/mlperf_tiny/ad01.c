/* ad01.c: the benchmark sends features as floats and wants one score: the mean square of what the
 * autoencoder could not reproduce.
 * SPDX-License-Identifier: MIT-0 */
#include "ad01.h"

#include <string.h>

#include "harness.h"
#include "text.h"
#include "th.h"

enum { FEATURES = AD01_INPUT_SIZE };

static float features[FEATURES];

/* round(value / scale) + zero point, halves away from zero */
static int8_t quantized(float value) {
    const float steps = value / AD01_INPUT_SCALE;
    if (steps > 256.0F || steps < -256.0F) { /* beyond int8 with any zero point */
        return (steps > 0.0F) ? INT8_MAX : INT8_MIN;
    }
    const int32_t q = (int32_t)(steps + (steps < 0.0F ? -0.5F : 0.5F)) + AD01_INPUT_ZERO_POINT;
    return (int8_t)((q < INT8_MIN) ? INT8_MIN : (q > INT8_MAX) ? INT8_MAX : q);
}

bool th_load_tensor(uint8_t *buffer, size_t bytes) {
    if (bytes != sizeof features) {
        return false;
    }
    memcpy(features, buffer, sizeof features);
    for (size_t i = 0; i < FEATURES; i++) {
        buffer[i] = (uint8_t)quantized(features[i]);
    }
    return true;
}

void th_results(void) {
    const int8_t *const output = model.outputs[0].address();
    float sum = 0.0F;
    for (size_t i = 0; i < FEATURES; i++) {
        const float made = AD01_OUTPUT_SCALE * (float)(output[i] - AD01_OUTPUT_ZERO_POINT);
        sum += (made - features[i]) * (made - features[i]);
    }
    put_text("m-results-[");
    put_real(sum / (float)FEATURES);
    put_text("]\r\n");
}
