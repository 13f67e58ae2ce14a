/* text.c: numbers to text and back, over the UART, without stdio.
 * SPDX-License-Identifier: MIT-0 */
#include "text.h"

#include "platform.h"

static const char hex_digits[] = "0123456789abcdef";

static uint32_t sum; /* of what was put */

void put_char(char c) {
    const uint8_t byte = (uint8_t)c;
    sum = crc32(sum, &byte, 1);
    uart_put(c);
}

void put_sum_start(uint32_t crc) { sum = crc; }

uint32_t put_sum(void) { return sum; }

void put_text(const char *text) {
    for (; *text != '\0'; text++) {
        put_char(*text);
    }
}

void put_unsigned(uint32_t value) {
    char digits[11]; /* 4294967295 and the end */
    size_t first = sizeof digits - 1U;
    digits[first] = '\0';
    do {
        digits[--first] = (char)('0' + value % 10U);
        value /= 10U;
    } while (value != 0U);
    put_text(&digits[first]);
}

void put_signed(int32_t value) {
    if (value < 0) {
        put_char('-');
    }
    put_unsigned((value < 0) ? 0U - (uint32_t)value : (uint32_t)value);
}

void put_bytes(const uint8_t *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        put_char(hex_digits[data[i] >> 4]);
        put_char(hex_digits[data[i] & 15U]);
    }
}

void put_word(uint32_t value) {
    for (uint32_t shift = 32U; shift != 0U; shift -= 4U) {
        put_char(hex_digits[(value >> (shift - 4U)) & 15U]);
    }
}

void put_real(float value) {
    const float limit = 2147483520.0F; /* the largest float below 2^31 */
    if (value != value) {
        put_text("nan");
        return;
    }
    if (value < 0.0F) {
        put_char('-');
        value = -value;
    }
    value = (value > limit) ? limit : value;
    uint32_t whole = (uint32_t)value;
    uint32_t millionths = (uint32_t)((value - (float)whole) * 1e6F + 0.5F);
    if (millionths == 1000000U) {
        whole++;
        millionths = 0U;
    }
    put_unsigned(whole);
    put_char('.');
    for (uint32_t unit = 100000U; unit > 1U && millionths < unit; unit /= 10U) {
        put_char('0');
    }
    put_unsigned(millionths);
}

void put_end(void) { put_text("\r\n"); }

void put_named(const char *name, const char *value) {
    put_text(name);
    put_text("[");
    put_text(value);
    put_text("]\r\n");
}

void put_error(const char *text, const char *detail) {
    put_text("e-[");
    put_text(text);
    put_text(detail);
    put_text("]\r\n");
}

void put_count(const char *name, uint32_t value) {
    put_text(name);
    put_text("[");
    put_unsigned(value);
    put_text("]\r\n");
}

void put_number(const char *name, int32_t value) {
    put_text(name);
    put_text("[");
    put_signed(value);
    put_text("]\r\n");
}

/* The library's strcmp() is made for speed, and takes 700 bytes of flash. */
bool is_word(const char *word, const char *wanted) {
    if (word == NULL) {
        return false;
    }
    while (*word != '\0' && *word == *wanted) {
        word++;
        wanted++;
    }
    return *word == *wanted;
}

static int32_t digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool parse_unsigned(const char *text, uint32_t *value) {
    uint32_t result = 0U;
    if (text == NULL || *text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        const int32_t digit = digit_value(*text);
        if (digit < 0 || digit > 9 || result > (UINT32_MAX - (uint32_t)digit) / 10U) {
            return false;
        }
        result = result * 10U + (uint32_t)digit;
    }
    *value = result;
    return true;
}

bool parse_word(const char *text, uint32_t *value) {
    uint32_t result = 0U;
    if (text == NULL || *text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        const int32_t digit = digit_value(*text);
        if (digit < 0 || (result >> 28) != 0U) {
            return false;
        }
        result = (result << 4) | (uint32_t)digit;
    }
    *value = result;
    return true;
}

int32_t parse_bytes(const char *text, uint8_t *data, size_t limit) {
    size_t count = 0;
    if (text == NULL) {
        return -1;
    }
    for (; *text != '\0'; text += 2) {
        const int32_t high = digit_value(text[0]);
        const int32_t low = (high < 0) ? -1 : digit_value(text[1]);
        if (low < 0 || count == limit) {
            return -1;
        }
        data[count++] = (uint8_t)((high << 4) | low);
    }
    return (int32_t)count;
}

/* By single bits: a table would cost 1 KB of flash, and the wire is slower than this. */
uint32_t crc32(uint32_t crc, const uint8_t *data, size_t bytes) {
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (uint32_t bit = 0; bit < 8U; bit++) {
            crc = (crc >> 1) ^ (0xEDB88320U & (0U - (crc & 1U)));
        }
    }
    return ~crc;
}
