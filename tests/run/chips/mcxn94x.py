"""FRDM-MCXN947: MCX Nx4x Reference Manual (MCXNX4XRM), chapters on SYSCON, SCG, SPC, FMU, PORT,
LP_FLEXCOMM and LPUART."""

from __future__ import annotations

from typing import ClassVar

from lpuart import Lpuart
from unicorn import arm_const as arm

SYSCON, SCG, SPC, FLEXCOMM4 = 0x4000_0000, 0x4004_4000, 0x4004_5000, 0x400B_4000
RESETS1, CLOCKS0, CLOCKS1 = SYSCON + 0x104, SYSCON + 0x200, SYSCON + 0x204
SET_CLOCKS0, SET_CLOCKS1, CLEAR_RESETS1 = SYSCON + 0x220, SYSCON + 0x224, SYSCON + 0x144
AHB_DIVIDER, FIRC_DIVIDER = SYSCON + 0x380, SYSCON + 0x388
FLEXCOMM4_SELECT, FLEXCOMM4_DIVIDER = SYSCON + 0x2C0, SYSCON + 0x860
PORT1, PORT1_8, PORT1_9 = 0x4011_7000, 0x4011_70A0, 0x4011_70A4
TRIM_LOCK, CSR, RCCR, LDOCSR = SCG + 0x008, SCG + 0x010, SCG + 0x014, SCG + 0x800
FIRCCSR, FIRCCFG, PLL_CSR, PLL_CTRL = SCG + 0x300, SCG + 0x308, SCG + 0x500, SCG + 0x504
PLL_N, PLL_M, PLL_P = SCG + 0x50C, SCG + 0x510, SCG + 0x514
SPC_ACTIVE, SRAMCTL, FLASH_CTRL = SPC + 0x100, SPC + 0x040, 0x4004_3008
SIRC, FIRC, PLL0 = 2, 3, 5


class Mcxn947(Lpuart):
    CPU = arm.UC_CPU_ARM_CORTEX_M33
    MEMORY = ((0x0000_0000, 0x20_0000), (0x2000_0000, 0x6_0000))
    LPUART = FLEXCOMM4
    RESET: ClassVar = {
        RCCR: FIRC << 24,
        FIRCCSR: 1 << 24 | 1 << 23 | 1,  # valid, locked, on
        RESETS1: 1 << 15,
        AHB_DIVIDER: 0,
        FIRC_DIVIDER: 1 << 30,  # stopped
        FLEXCOMM4_SELECT: 7,  # none
        FLEXCOMM4_DIVIDER: 1 << 30,
        SPC_ACTIVE: 1 << 2 | 1 << 10,  # 1.0 V
    }
    FOLLOW: ClassVar = {
        LDOCSR: ((LDOCSR, 0, 31),),
        SRAMCTL: ((SRAMCTL, 30, 31),),  # request and acknowledgement
    }

    def core_hz(self) -> int:
        source = self.field(RCCR, 24, 4)
        hz = {SIRC: 12_000_000, FIRC: self.firc_hz()}.get(source) or self.pll_hz()
        core = hz // (self.field(AHB_DIVIDER, 0, 8) + 1)
        overdrive = self.field(SPC_ACTIVE, 2, 2) == self.field(SPC_ACTIVE, 10, 2) == 3  # 1.2 V
        assert core <= (150_000_000 if overdrive and self.field(SRAMCTL, 0, 2) == 3 else 50_000_000)
        assert self.field(FLASH_CTRL, 0, 4) >= (core > 36_000_000) + (core > 64_000_000) + (
            core > 100_000_000
        )
        return core

    def firc_hz(self) -> int:
        assert self.field(FIRCCSR, 0, 1)
        return 144_000_000 if self.field(FIRCCFG, 0, 1) else 48_000_000

    def pll_hz(self) -> int:
        assert self.field(RCCR, 24, 4) == PLL0 and self.pll_locked()
        reference = self.firc_hz() // self.field(PLL_N, 0, 8)
        vco = reference * self.field(PLL_M, 0, 16)
        assert 275_000_000 <= vco <= 550_000_000
        return vco // (2 * self.field(PLL_P, 0, 5))

    def pll_locked(self) -> bool:
        """Its supply and both its switches on; its source FIRC; the dividers taken over."""
        taken = all(self.field(at, 31, 1) for at in (PLL_N, PLL_M, PLL_P))
        on = self.field(PLL_CSR, 0, 2) == 3 and self.field(LDOCSR, 31, 1)
        return bool(on and taken and self.field(PLL_CTRL, 25, 2) == 1)

    def uart_hz(self) -> int:
        clocked = self.field(CLOCKS1, 15, 1) and not self.field(RESETS1, 15, 1)
        sourced = self.field(FLEXCOMM4_SELECT, 0, 3) == 3 and self.field(FIRCCSR, 5, 1)
        running = not self.field(FIRC_DIVIDER, 30, 1) and not self.field(FLEXCOMM4_DIVIDER, 30, 1)
        is_uart = self.field(FLEXCOMM4 + 0xFF8, 0, 3) == 1
        pins = all(self.field(pin, 8, 4) == 2 for pin in (PORT1_8, PORT1_9))
        if not (clocked and sourced and running and is_uart and pins):
            return 0
        self.core_hz()
        divided = (self.field(FIRC_DIVIDER, 0, 8) + 1) * (self.field(FLEXCOMM4_DIVIDER, 0, 8) + 1)
        return self.firc_hz() // divided

    def answer(self, address: int) -> int:
        if address == CSR:
            return self.words[RCCR]
        if address == PLL_CSR:
            return self.words.get(PLL_CSR, 0) | self.pll_is_on() << 24
        return super().answer(address)

    def pll_is_on(self) -> bool:
        return self.words.get(PLL_CSR, 0) & 3 == 3

    def write(self, address: int, value: int) -> None:
        if PORT1 <= address < PORT1 + 0x1000 and not self.field(CLOCKS0, 14, 1):
            return  # a port without a clock hears nothing
        if address == LDOCSR and self.words.get(TRIM_LOCK) != 0x5A5A_0001:
            return
        if address == FIRCCSR and self.words[FIRCCSR] >> 23 & 1:
            value = self.words[FIRCCSR] & ~(1 << 23) if not value >> 23 & 1 else self.words[FIRCCSR]
        if address in (SET_CLOCKS0, SET_CLOCKS1):
            self.words[address - 0x20] = self.words.get(address - 0x20, 0) | value
        elif address == CLEAR_RESETS1:
            self.words[RESETS1] &= ~value
        else:
            super().write(address, value)
