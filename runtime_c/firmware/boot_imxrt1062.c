/* boot_imxrt1062.c: what the ROM of an i.MX RT1062 wants to find in the first 8 KiB of a serial
 * flash: how to read it (quad I/O at 100 MHz), and where the vector table is. Layout: IMXRT1060RM,
 * sections 9.6.3 (FlexSPI NOR configuration) and 9.7.1 (image vector table).
 * SPDX-License-Identifier: MIT-0 */
#include "board.h"

#include <stdint.h>

enum { LUT_WORDS = 64 };

/* An instruction of the FlexSPI's lookup table: opcode, pads as log2, operand. */
#define LUT(opcode, pads, operand) (((opcode) << 10) | ((pads) << 8) | (operand))
#define LUT_PAIR(first, second)    ((first) | ((second) << 16))

enum { CMD = 0x01, RADDR = 0x02, MODE8 = 0x07, READ = 0x09, DUMMY = 0x0C };
enum { SINGLE = 0, QUAD = 2 };

typedef struct {
    uint32_t tag; /* "FCFB" */
    uint32_t version;
    uint32_t reserved0;
    uint8_t sample_clock; /* 1: looped back from the DQS pad */
    uint8_t hold_time;
    uint8_t setup_time;
    uint8_t column_width;
    uint8_t reserved1[0x34];
    uint8_t device_type; /* 1: serial NOR */
    uint8_t pads;
    uint8_t frequency; /* 6: 100 MHz */
    uint8_t custom_sequences;
    uint32_t reserved2[2];
    uint32_t size[4]; /* of the chips A1, A2, B1, B2 */
    uint32_t reserved3[8];
    uint32_t lookup[LUT_WORDS]; /* its first sequence reads */
    uint32_t reserved4[16];
    uint32_t page_bytes;
    uint32_t sector_bytes;
    uint32_t reserved5[14];
} flash_configuration;

typedef struct {
    uint32_t header;   /* tag 0xD1, 32 bytes, version 0x43 */
    const void *entry; /* the vector table */
    uint32_t reserved0;
    uint32_t dcd;
    const void *boot_data;
    const void *self;
    uint32_t csf;
    uint32_t reserved1;
} image_vector_table;

typedef struct {
    uint32_t start;
    uint32_t length;
    uint32_t plugin;
} boot_data;

typedef struct {
    flash_configuration flash;
    uint8_t reserved0[0x1000 - sizeof(flash_configuration)];
    image_vector_table table;
    boot_data data;
    uint8_t reserved1[0x1000 - sizeof(image_vector_table) - sizeof(boot_data)];
} boot_header; /* 0x2000 bytes: the vector table follows */

extern const uint32_t image_vectors[];

__attribute__((section(".boot"), used)) static const boot_header header = {
    .flash =
        {
            .tag = 0x42464346U,
            .version = 0x56010000U,
            .sample_clock = 1,
            .hold_time = 3,
            .setup_time = 3,
            .device_type = 1,
            .pads = 4,
            .frequency = 6,
            .size = {BOARD_FLASH_SIZE},
            .lookup = {LUT_PAIR(LUT(CMD, SINGLE, 0xEBU), LUT(RADDR, QUAD, 24U)),
                       LUT_PAIR(LUT(MODE8, QUAD, 0U), LUT(DUMMY, QUAD, 4U)),
                       LUT_PAIR(LUT(READ, QUAD, 4U), 0U)},
            .page_bytes = 256,
            .sector_bytes = 4096,
        },
    .table =
        {
            .header = 0x432000D1U,
            .entry = image_vectors,
            .boot_data = &header.data,
            .self = &header.table,
        },
    .data = {.start = BOARD_FLASH_ORIGIN, .length = BOARD_FLASH_SIZE},
};
