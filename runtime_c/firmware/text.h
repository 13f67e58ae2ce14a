/* text.h: numbers to text and back, over the UART, without stdio.
 * SPDX-License-Identifier: MIT-0 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void put_char(char c);

/// Begins a CRC-32 of all that is put from now on, after what gave `crc`.
void put_sum_start(uint32_t crc);

/// The CRC-32 of all that was put since put_sum_start().
uint32_t put_sum(void);

void put_text(const char *text);
void put_unsigned(uint32_t value);
void put_signed(int32_t value);

/// Eight hexadecimal digits.
void put_word(uint32_t value);

/// Two hexadecimal digits a byte.
void put_bytes(const uint8_t *data, size_t bytes);

/// Six decimals; saturates at the range of int32.
void put_real(float value);

/// A line `e-[text detail]`: what was asked for is refused.
void put_error(const char *text, const char *detail);

/// Ends a line.
void put_end(void);

/// A line `name[value]`.
void put_named(const char *name, const char *value);

/// A line `name[value]`.
void put_count(const char *name, uint32_t value);

/// A line `name[value]`.
void put_number(const char *name, int32_t value);

/// True if both are the same; `word` may be NULL.
bool is_word(const char *word, const char *wanted);

/// Decimal digits to a number; false for anything else.
bool parse_unsigned(const char *text, uint32_t *value);

/// Eight hexadecimal digits or fewer to a number; false for anything else.
bool parse_word(const char *text, uint32_t *value);

/// Pairs of hexadecimal digits to at most `limit` bytes; their number, negative for anything else.
int32_t parse_bytes(const char *text, uint8_t *data, size_t limit);

/// CRC-32 (IEEE 802.3, as in zlib) of data that follows what gave `crc`; start with 0.
uint32_t crc32(uint32_t crc, const uint8_t *data, size_t bytes);

#endif /* TEXT_H */
