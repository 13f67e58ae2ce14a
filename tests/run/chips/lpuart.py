"""NXP's LPUART: IMXRT1060RM, section 49.4; the same in an MCX."""

from __future__ import annotations

from abc import abstractmethod

from chip import Chip

BAUD, STAT, CTRL, DATA = 0x10, 0x14, 0x18, 0x1C
READY, FULL = 3 << 22, 1 << 21  # of the status: TDRE and TC; RDRF


class Lpuart(Chip):
    LPUART = 0

    @abstractmethod
    def uart_hz(self) -> int:
        """Its clock; 0 while it has none, or no pins."""

    def baud(self) -> float:
        if self.field(self.LPUART + CTRL, 18, 2) != 3:  # receiver and transmitter
            return 0
        rate = self.LPUART + BAUD
        return self.uart_hz() / (self.field(rate, 24, 5) + 1) / max(self.field(rate, 0, 13), 1)

    def read(self, address: int) -> int:
        if address == self.LPUART + STAT:
            return READY | (FULL if self.has_byte() else 0)
        if address == self.LPUART + DATA and self.has_byte():
            return self.take_byte()
        return super().read(address)

    def write(self, address: int, value: int) -> None:
        if address == self.LPUART + BAUD:
            assert not self.field(self.LPUART + CTRL, 18, 2)  # it changes only while it is off
        if address == self.LPUART + DATA:
            self.send(value)
        else:
            super().write(address, value)
