/* boot_rp2350.c: the block that the ROM of an RP2350 looks for in the first 4 KiB of the flash: an
 * executable for Arm, secure.
 * Layout: RP2350 datasheet, section 5.9.5.1 (minimum Arm image metadata).
 * SPDX-License-Identifier: MIT-0 */
#include <stdint.h>

__attribute__((section(".boot_info"), used)) static const uint32_t image_definition[5] = {
    0xFFFFDED3U, /* start of a block */
    0x10210142U, /* image type: executable, secure, Arm, RP2350 */
    0x000001FFU, /* last item, of one word */
    0x00000000U, /* the next block is this one */
    0xAB123579U, /* end of the block */
};
