"""Raspberry Pi Pico and Pico 2: RP2040 datasheet, sections 2.8.1 (boot), 2.14 (RESETS), 2.15
(CLOCKS), 2.16 (XOSC), 2.18 (PLL), 2.19 (GPIO), 4.2 (UART), 4.6 (TIMER), 4.10 (SSI); RP2350
datasheet, sections 5.9 (blocks in the flash), 7.5, 8.1, 8.2, 8.6 and 9.11."""

from __future__ import annotations

import struct
from typing import ClassVar

from chip import Chip
from unicorn import arm_const as arm

FLASH, CRYSTAL_HZ, RING_HZ = 0x1000_0000, 12_000_000, 6_500_000
ALIASES = 0x3000  # write, toggle, set, clear


class Rp2(Chip):
    RESETS = CLOCKS = XOSC = PLL = UART = IO = PADS = 0
    FASTEST = 0
    IN_RESET: ClassVar[dict[int, int]]  # bits of RESETS, by the first address of what they hold
    ISOLATED = 0  # bit of a pad that keeps it apart

    def core_hz(self) -> int:
        clock = self.CLOCKS + 0x3C
        if not self.field(clock, 0, 1):
            return CRYSTAL_HZ if self.field(self.CLOCKS + 0x30, 0, 2) == 2 else RING_HZ
        assert self.field(clock, 5, 3) == 0 and self.locked()  # its auxiliary clock is PLL_SYS
        vco = CRYSTAL_HZ // self.field(self.PLL, 0, 6) * self.field(self.PLL + 8, 0, 12)
        assert 750_000_000 <= vco <= 1_600_000_000 and not self.field(self.PLL + 4, 3, 1)
        first, second = self.field(self.PLL + 12, 16, 3), self.field(self.PLL + 12, 12, 3)
        assert vco // (first * second) <= self.FASTEST
        return vco // (first * second)

    def crystal(self) -> bool:
        """Whether it runs; its start-up delay must be a millisecond at least."""
        running = self.field(self.XOSC, 12, 12) == 0xFAB and self.field(self.XOSC, 0, 12) == 0xAA0
        assert not running or self.field(self.XOSC + 12, 0, 14) * 256 >= CRYSTAL_HZ // 1000
        return running

    def locked(self) -> bool:
        powered = self.field(self.PLL + 4, 0, 1) == self.field(self.PLL + 4, 5, 1) == 0
        return self.crystal() and powered and self.field(self.PLL + 8, 0, 12) > 0

    def baud(self) -> float:
        pins = all(self.pin_is_the_uarts(pin) for pin in (0, 1))
        clocked = self.field(self.CLOCKS + 0x48, 11, 1) and not self.field(self.CLOCKS + 0x48, 5, 3)
        enabled = self.words.get(self.UART + 0x30, 0) & 0x301 == 0x301
        line = self.words.get(self.UART + 0x2C, 0) & 0x7E == 0x70  # 8N1, with FIFOs
        divider = self.words.get(self.UART, 0)
        return self.core_hz() * 4 / divider if pins and clocked and enabled and line else 0

    def pin_is_the_uarts(self, pin: int) -> bool:
        pad = self.words.get(self.PADS + 4 + 4 * pin, 0x56 | self.ISOLATED)
        usable = not pad & (self.ISOLATED | 1 << 7) and pad >> 6 & 1
        return bool(usable) and self.field(self.IO + 4 + 8 * pin, 0, 5) == 2

    def answer(self, address: int) -> int:
        if address == self.RESETS + 8:
            return ~self.words[self.RESETS] & 0x1FFF_FFFF
        if address == self.XOSC + 4:
            return self.crystal() << 31
        if address == self.PLL:
            return self.words.get(address, 1) | self.locked() << 31
        if address == self.CLOCKS + 0x38:
            return 1 << self.field(self.CLOCKS + 0x30, 0, 2)
        if address == self.CLOCKS + 0x44:
            return 1 << self.field(self.CLOCKS + 0x3C, 0, 1)
        return super().answer(address)

    def read(self, address: int) -> int:
        if address == self.UART + 0x18:
            return 0 if self.has_byte(0.001) else 1 << 4
        if address == self.UART and self.has_byte():
            return self.take_byte()
        return super().read(address)

    def write(self, address: int, value: int) -> None:
        if 0x4000_0000 <= address < 0x5000_0000:
            alias, address = address & ALIASES, address & ~ALIASES
            old = self.words.get(address, 0)
            value = (value, old ^ value, old | value, old & ~value)[alias >> 12]
        if any(
            first <= address < first + 0x1000 and self.words[self.RESETS] >> bit & 1
            for first, bit in self.IN_RESET.items()
        ):
            return  # nothing hears it
        if address == self.UART:
            self.send(value)
            return
        if address == self.UART + 0x2C:  # the dividers count from now on; kept for baud()
            whole, sixty_fourths = self.words[self.UART + 0x24], self.words[self.UART + 0x28]
            self.words[self.UART] = 64 * whole + sixty_fourths
        super().write(address, value)


class Rp2040(Rp2):
    CPU = arm.UC_CPU_ARM_CORTEX_M0
    MEMORY = ((FLASH, 0x20_0000), (0x2000_0000, 0x4_2000))
    REGISTERS = (*Chip.REGISTERS, (0x1800_0000, 0x1000))
    RESETS, CLOCKS, XOSC, PLL = 0x4000_C000, 0x4000_8000, 0x4002_4000, 0x4002_8000
    UART, IO, PADS, TIMER = 0x4003_4000, 0x4001_4000, 0x4001_C000, 0x4005_4000
    WATCHDOG_TICK, SSI = 0x4005_802C, 0x1800_0000
    RESET: ClassVar = {RESETS: 0x1FF_FFFF, PLL + 4: 0x2D, IO + 4: 0x1F, IO + 12: 0x1F}
    IN_RESET: ClassVar = {IO: 5, PADS: 8, PLL: 12, TIMER: 21, UART: 22}
    FASTEST = 133_000_000
    STAGE_2 = 0x2004_1F00  # where the ROM puts the first 256 bytes of the flash

    def boot(self) -> tuple[int, int]:
        stage_2 = bytes(self.uc.mem_read(FLASH, 256))
        crc = 0xFFFF_FFFF
        for byte in stage_2[:252]:
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ (0x04C1_1DB7 if crc >> 31 else 0)) & 0xFFFF_FFFF
        assert stage_2[252:] == crc.to_bytes(4, "little")
        self.uc.mem_write(self.STAGE_2, stage_2)
        return self.STAGE_2, self.STAGE_2

    def core_hz(self) -> int:
        """The flash is read with command 03h, at 50 MHz and less."""
        hz = super().core_hz()
        assert self.field(self.SSI + 0x08, 0, 1)
        assert self.field(self.SSI, 16, 5) == 31 and self.field(self.SSI, 8, 2) == 3
        assert self.words[self.SSI + 0xF4] == 3 << 24 | 2 << 8 | 6 << 2
        assert hz // self.words[self.SSI + 0x14] <= 50_000_000
        return hz

    def answer(self, address: int) -> int:
        if address == self.TIMER + 0x28 and self.field(self.WATCHDOG_TICK, 9, 1):
            ticks = self.clocks * CRYSTAL_HZ // self.core_hz()
            return ticks // self.field(self.WATCHDOG_TICK, 0, 9) & 0xFFFF_FFFF
        return super().answer(address)


class Rp2350(Rp2):
    CPU = arm.UC_CPU_ARM_CORTEX_M33
    MEMORY = ((FLASH, 0x40_0000), (0x2000_0000, 0x8_2000))
    VECTORS = FLASH
    RESETS, CLOCKS, XOSC, PLL = 0x4002_0000, 0x4001_0000, 0x4004_8000, 0x4005_0000
    UART, IO, PADS = 0x4007_0000, 0x4002_8000, 0x4003_8000
    RESET: ClassVar = {RESETS: 0x1FFF_FFFF, PLL + 4: 0x2D, IO + 4: 0x1F, IO + 12: 0x1F}
    IN_RESET: ClassVar = {IO: 6, PADS: 9, PLL: 14, UART: 26}
    FASTEST = 150_000_000
    ISOLATED = 1 << 8

    def boot(self) -> tuple[int, int]:
        """The ROM wants a loop of blocks in the first 4 KiB; one of them describes the image."""
        words = struct.unpack("<1024I", self.uc.mem_read(FLASH, 4096))
        at = words.index(0xFFFF_DED3) + 1
        image_type, last, link, end = words[at : at + 4]
        assert image_type & 0xFFFF == 0x0142  # of one word
        assert image_type >> 16 == 1 << 12 | 0 << 8 | 2 << 4 | 1  # RP2350, Arm, secure, executable
        assert last == 0x1FF and link == 0 and end == 0xAB12_3579
        return super().boot()
