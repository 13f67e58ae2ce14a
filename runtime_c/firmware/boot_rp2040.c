/* boot_rp2040.c: the 256 bytes that the ROM of an RP2040 copies from the flash and runs: they set
 * the flash interface up to read with command 03h, which every chip knows, at a quarter of the
 * core's clock, and go to the vector table behind them. Registers: RP2040 datasheet,
 * section 4.10.13 (SSI); the checksum is in 2.8.1.3.1: CRC-32 of the first 252 bytes, polynomial
 * 0x04C11DB7, not reflected, starting with ones. SPDX-License-Identifier: MIT-0 */

__attribute__((section(".boot"), naked, used)) static void boot(void) {
    __asm__ volatile(
        ".syntax unified\n"
        "ldr r3, =0x18000000\n"                       /* XIP_SSI_BASE */
        "movs r1, #0\n str r1, [r3, #0x08]\n"         /* SSIENR: off */
        "movs r1, #4\n str r1, [r3, #0x14]\n"         /* BAUDR */
        "ldr r1, =0x001F0300\n str r1, [r3, #0x00]\n" /* CTRLR0: 32 bits a frame, EEPROM read */
        "ldr r1, =0x03000218\n" /* command 03h, 8 bits; 24 bits of address; one line */
        "ldr r0, =0x180000F4\n str r1, [r0]\n" /* SPI_CTRLR0 */
        "movs r1, #0\n str r1, [r3, #0x04]\n"  /* CTRLR1: one frame */
        "movs r1, #1\n str r1, [r3, #0x08]\n"  /* SSIENR: on */
        "ldr r0, =0x10000100\n"                /* the vector table */
        "ldr r1, =0xE000ED08\n str r0, [r1]\n" /* VTOR */
        "ldr r1, [r0, #0]\n msr msp, r1\n"
        "ldr r1, [r0, #4]\n bx r1\n"
        ".ltorg\n"
        ".org 252\n"
        ".word 0x7E646F60\n"); /* the checksum */
}
