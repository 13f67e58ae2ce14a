"""Boards with an nRF52: nRF52840 Product Specification 1.1, sections 5.4 (CLOCK), 6.9 (GPIO), 6.30
(TIMER) and 6.33 (UART); the nRF52833 has them at the same addresses."""

from __future__ import annotations

from chip import Chip

CORE_HZ, CRYSTAL_HZ = 64_000_000, 32_000_000
HFCLKSTART, HFCLKSTARTED = 0x4000_0000, 0x4000_0100
UART, TIMER = 0x4000_2000, 0x4000_8000
STARTRX, STARTTX, RXDRDY, TXDRDY = UART, UART + 0x008, UART + 0x108, UART + 0x11C
ENABLE, PSEL_TXD, PSEL_RXD = UART + 0x500, UART + 0x50C, UART + 0x514
RXD, TXD, BAUDRATE = UART + 0x518, UART + 0x51C, UART + 0x524
TIMER_START, CAPTURE0, BITMODE, PRESCALER, CC0 = (
    TIMER + at for at in (0, 0x40, 0x508, 0x510, 0x540)
)
DIRSET = 0x5000_0518  # of port 0; those of port 1 are 0x300 behind


class Nrf52840(Chip):
    MEMORY = ((0x0000_0000, 0x10_0000), (0x2000_0000, 0x4_0000))
    TX, RX = 6, 8

    def core_hz(self) -> int:
        return CORE_HZ

    def baud(self) -> float:
        crystal = self.words.get(HFCLKSTART, 0) == 1  # the RC oscillator is some percent off
        pins = self.words.get(PSEL_TXD) == self.TX and self.words.get(PSEL_RXD) == self.RX
        output = self.words.get(DIRSET + 0x300 * (self.TX // 32), 0) >> self.TX % 32 & 1
        started = self.words.get(STARTRX) == self.words.get(STARTTX) == 1
        ready = crystal and pins and output and started and self.words.get(ENABLE) == 4
        return self.words.get(BAUDRATE, 0) * CRYSTAL_HZ / 2 / 2**32 if ready else 0

    def read(self, address: int) -> int:
        if address == HFCLKSTARTED:
            return self.words.get(HFCLKSTART, 0)
        if address == RXDRDY and self.has_byte():
            self.words[RXDRDY] = 1
        if address == RXD and self.has_byte():
            return self.take_byte()
        return super().read(address)

    def write(self, address: int, value: int) -> None:
        super().write(address, value)
        if address == TXD:
            self.send(value)
            self.words[TXDRDY] = 1
        if address == CAPTURE0 and self.words.get(TIMER_START):
            assert self.words.get(BITMODE) == 3  # 32 bits
            divided = 4 << self.words.get(PRESCALER, 4)  # 16 MHz and less
            self.words[CC0] = self.clocks // divided & 0xFFFF_FFFF


class Nano33Ble(Nrf52840):
    """Behind a bootloader of 64 KiB."""

    VECTORS = 0x1_0000
    TX, RX = 32 + 3, 32 + 10


class Microbit2(Nrf52840):
    """An nRF52833."""

    MEMORY = ((0x0000_0000, 0x8_0000), (0x2000_0000, 0x2_0000))
    TX, RX = 6, 32 + 8
