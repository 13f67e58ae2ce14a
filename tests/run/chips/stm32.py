"""STM32 boards that QEMU lacks."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from chip import Chip
from unicorn import arm_const as arm

HSE = 8_000_000  # from the debugger, or a crystal
RXNE, SENT = 1 << 5, 3 << 6  # of the UART's status; TXE and TC


def power_of_two(hz: int, divided: int) -> int:
    """A bus's clock by its three bits: 0 to 3 for undivided, 4 to 7 for 2 to 16."""
    return hz >> (divided - 3) if divided & 4 else hz


class Stm32(Chip):
    MEMORY = ((0x0800_0000, 0x20_0000), (0x2000_0000, 0x20_0000), (0x2400_0000, 0x20_0000))
    VECTORS = 0x0800_0000
    HZ = 0  # of the core after reset
    UART = STATUS = RECEIVE = SEND = DIVIDER = 0

    @abstractmethod
    def uart_hz(self) -> int:
        """The clock that the UART divides; 0 while it is off."""

    def baud(self) -> float:
        return self.uart_hz() / max(self.words.get(self.UART + self.DIVIDER, 0), 1)

    def read(self, address: int) -> int:
        if address == self.UART + self.STATUS:
            return SENT | (RXNE if self.has_byte() else 0)
        if address == self.UART + self.RECEIVE and self.has_byte():
            return self.take_byte()
        return super().read(address)

    def write(self, address: int, value: int) -> None:
        if address == self.UART + self.SEND:
            self.send(value)
        else:
            super().write(address, value)


class F446(Stm32):
    """STM32F446: RM0390, sections 3.4 (FLASH), 5.4 (PWR), 6.3 (RCC), 25.6 (USART2 on APB1)."""

    HZ = 16_000_000
    FASTEST, WITHOUT_OVERDRIVE = 180_000_000, 168_000_000
    CR, PLLCFGR, CFGR, APB1ENR = 0x4002_3800, 0x4002_3804, 0x4002_3808, 0x4002_3840
    PWR_CR, PWR_CSR, FLASH_ACR = 0x4000_7000, 0x4000_7004, 0x4002_3C00
    RESET: ClassVar = {CR: 0x83, PLLCFGR: 0x2400_3010}
    UART, STATUS, RECEIVE, SEND, DIVIDER, ENABLE = 0x4000_4400, 0x00, 0x04, 0x04, 0x08, 1 << 17
    FOLLOW: ClassVar = {
        CR: ((CR, 16, 17), (CR, 24, 25)),  # HSERDY, PLLRDY
        CFGR: ((CFGR, 0, 2), (CFGR, 1, 3)),  # SWS
        PWR_CSR: ((PWR_CR, 16, 16), (PWR_CR, 17, 17)),  # ODRDY, ODSWRDY
    }

    def core_hz(self) -> int:
        if self.field(self.CFGR, 0, 2) != 2 or not self.field(self.CR, 25, 1):
            return self.HZ
        source = HSE if self.field(self.PLLCFGR, 22, 1) else self.HZ
        vco = source // self.field(self.PLLCFGR, 0, 6) * self.field(self.PLLCFGR, 6, 9)
        core = vco // (2 * self.field(self.PLLCFGR, 16, 2) + 2)
        assert core <= (self.FASTEST if self.field(self.PWR_CSR, 17, 1) else self.WITHOUT_OVERDRIVE)
        assert self.field(self.FLASH_ACR, 0, 4) >= (core - 1) // 30_000_000
        return core

    def uart_hz(self) -> int:
        enabled = self.words.get(self.APB1ENR, 0) & self.ENABLE
        return power_of_two(self.core_hz(), self.field(self.CFGR, 10, 3)) if enabled else 0


class F407(F446):
    """STM32F407: RM0090; as the F446, without over-drive."""

    FASTEST = F446.WITHOUT_OVERDRIVE


class F767(F446):
    """STM32F767: RM0410, sections 3.7 (FLASH), 4.4 (PWR), 5.3 (RCC), 34.8 (USART3 on APB1)."""

    CPU = arm.UC_CPU_ARM_CORTEX_M7
    FASTEST, WITHOUT_OVERDRIVE = 216_000_000, 180_000_000
    UART, STATUS, RECEIVE, SEND, DIVIDER, ENABLE = 0x4000_4800, 0x1C, 0x24, 0x28, 0x0C, 1 << 18


class L4R5(Stm32):
    """STM32L4R5: RM0432, sections 3.7 (FLASH), 5.4 (PWR), 6.4 (RCC), 49.7 (LPUART1 on PCLK1)."""

    HZ = 4_000_000
    CR, CFGR, PLLCFGR, APB1ENR2 = 0x4002_1000, 0x4002_1008, 0x4002_100C, 0x4002_105C
    PWR_CR2, PWR_CR5, FLASH_ACR = 0x4000_7004, 0x4000_7080, 0x4002_2000
    RESET: ClassVar = {CR: 0x63, PLLCFGR: 0x1000, PWR_CR5: 0x100}
    UART, STATUS, RECEIVE, SEND, DIVIDER = 0x4000_8000, 0x1C, 0x24, 0x28, 0x0C
    FOLLOW: ClassVar = {CR: ((CR, 24, 25),), CFGR: ((CFGR, 0, 2), (CFGR, 1, 3))}

    def core_hz(self) -> int:
        if self.field(self.CFGR, 0, 2) != 3 or not self.field(self.CR, 25, 1):
            return self.HZ
        assert self.field(self.PLLCFGR, 0, 2) == 1 and self.field(self.PLLCFGR, 24, 1)  # MSI; R
        vco = self.HZ // (self.field(self.PLLCFGR, 4, 4) + 1) * self.field(self.PLLCFGR, 8, 7)
        core = vco // (2 * self.field(self.PLLCFGR, 25, 2) + 2)
        assert core <= (80_000_000 if self.field(self.PWR_CR5, 8, 1) else 120_000_000)
        assert self.field(self.FLASH_ACR, 0, 4) >= (core - 1) // 20_000_000
        return core

    def uart_hz(self) -> int:
        powered = self.field(self.PWR_CR2, 9, 1)  # IOSV: port G
        enabled = powered and self.field(self.APB1ENR2, 0, 1)
        return 256 * self.core_hz() if enabled else 0  # an LPUART divides 256 times its clock


class G0B1(Stm32):
    """STM32G0B1: RM0444, sections 3.7 (FLASH), 5.4 (RCC), 22.4 (TIM2), 33.8 (USART2 on PCLK)."""

    CPU = arm.UC_CPU_ARM_CORTEX_M0
    HZ = 16_000_000
    CR, CFGR, PLLCFGR, APBENR1 = 0x4002_1000, 0x4002_1008, 0x4002_100C, 0x4002_103C
    FLASH_ACR, TIM2_CNT = 0x4002_2000, 0x4000_0024
    RESET: ClassVar = {CR: 0x500, PLLCFGR: 0x1000, FLASH_ACR: 0x4_0600}
    UART, STATUS, RECEIVE, SEND, DIVIDER = 0x4000_4400, 0x1C, 0x24, 0x28, 0x0C
    FOLLOW: ClassVar = {CR: ((CR, 24, 25),), CFGR: ((CFGR, 0, 3), (CFGR, 1, 4))}

    def core_hz(self) -> int:
        if self.field(self.CFGR, 0, 3) != 2 or not self.field(self.CR, 25, 1):
            return self.HZ
        assert self.field(self.PLLCFGR, 0, 2) == 2 and self.field(self.PLLCFGR, 28, 1)  # HSI16; R
        vco = self.HZ // (self.field(self.PLLCFGR, 4, 3) + 1) * self.field(self.PLLCFGR, 8, 7)
        core = vco // (self.field(self.PLLCFGR, 29, 3) + 1)
        assert 64_000_000 <= vco <= 344_000_000 and core <= 64_000_000
        assert self.field(self.FLASH_ACR, 0, 3) >= (core - 1) // 24_000_000
        return core

    def uart_hz(self) -> int:
        return self.core_hz() if self.field(self.APBENR1, 17, 1) else 0

    def answer(self, address: int) -> int:
        if address == self.TIM2_CNT and self.field(self.APBENR1, 0, 1):
            return self.clocks & 0xFFFF_FFFF
        return super().answer(address)


class H743(Stm32):
    """STM32H743: RM0433, sections 4.9 (FLASH), 6.8 (PWR), 8.7 (RCC), 48.7 (USART3 on APB1)."""

    CPU = arm.UC_CPU_ARM_CORTEX_M7
    HZ = 64_000_000
    CR, CFGR, D1CFGR, D2CFGR = 0x5802_4400, 0x5802_4410, 0x5802_4418, 0x5802_441C
    PLLCKSELR, PLLCFGR, PLL1DIVR = 0x5802_4428, 0x5802_442C, 0x5802_4430
    APB1LENR, APB4ENR = 0x5802_44E8, 0x5802_44F4
    PWR_CSR1, PWR_D3CR, SYSCFG_PWRCR = 0x5802_4804, 0x5802_4818, 0x5800_042C
    FLASH_ACR = 0x5200_2000
    RESET: ClassVar = {
        CR: 0x83,
        PLLCKSELR: 0x0202_0200,
        PLLCFGR: 0x01FF_0000,
        PLL1DIVR: 0x0101_0280,
        PWR_CSR1: 1 << 13,  # ACTVOSRDY
        PWR_D3CR: 1 << 14 | 1 << 13,  # scale 3, VOSRDY
        FLASH_ACR: 0x37,
    }
    UART, STATUS, RECEIVE, SEND, DIVIDER = 0x4000_4800, 0x1C, 0x24, 0x28, 0x0C
    FOLLOW: ClassVar = {
        CR: ((CR, 16, 17), (CR, 24, 25)),
        CFGR: ((CFGR, 0, 3), (CFGR, 1, 4), (CFGR, 2, 5)),
    }

    def core_hz(self) -> int:
        if self.field(self.CFGR, 0, 3) != 3 or not self.field(self.CR, 25, 1):
            return self.HZ
        assert self.field(self.PLLCKSELR, 0, 2) == 2 and self.field(self.PLLCFGR, 16, 1)  # HSE; P
        source = HSE // self.field(self.PLLCKSELR, 4, 6)
        assert 1_000_000 << self.field(self.PLLCFGR, 2, 2) <= source  # PLL1RGE
        assert source <= 2_000_000 << self.field(self.PLLCFGR, 2, 2)
        vco = source * (self.field(self.PLL1DIVR, 0, 9) + 1)
        assert 192_000_000 <= vco <= 960_000_000 and not self.field(self.PLLCFGR, 1, 1)
        core = vco // (self.field(self.PLL1DIVR, 9, 7) + 1)
        overdrive = self.field(self.SYSCFG_PWRCR, 0, 1) and self.field(self.APB4ENR, 1, 1)
        scale_1 = self.field(self.PWR_D3CR, 14, 2) == 3
        assert core <= (480_000_000 if scale_1 and overdrive else 400_000_000 if scale_1 else 0)
        assert self.axi_hz(core) <= core // 2 or core <= 240_000_000
        assert self.field(self.FLASH_ACR, 0, 4) >= (self.axi_hz(core) - 1) // 60_000_000
        return core

    def axi_hz(self, core: int) -> int:
        divided = self.field(self.D1CFGR, 0, 4)
        return core >> (divided - 7) if divided & 8 else core  # up to 16, as here

    def uart_hz(self) -> int:
        apb = power_of_two(self.axi_hz(self.core_hz()), self.field(self.D2CFGR, 4, 3))
        assert apb <= 120_000_000
        return apb if self.field(self.APB1LENR, 18, 1) else 0


class U575(Stm32):
    """STM32U575: RM0456, sections 7.9 (FLASH), 10.10 (PWR), 11.8 (RCC), 66.8 (USART1 on APB2)."""

    CPU = arm.UC_CPU_ARM_CORTEX_M33
    HZ = 4_000_000
    CR, CFGR1, PLL1CFGR, PLL1DIVR = 0x4602_0C00, 0x4602_0C1C, 0x4602_0C28, 0x4602_0C34
    AHB3ENR, APB2ENR, VOSR, FLASH_ACR = 0x4602_0C94, 0x4602_0CA4, 0x4602_080C, 0x4002_2000
    RESET: ClassVar = {CR: 0x35, PLL1DIVR: 0x0101_0280, VOSR: 0x8000}
    UART, STATUS, RECEIVE, SEND, DIVIDER = 0x4001_3800, 0x1C, 0x24, 0x28, 0x0C
    FOLLOW: ClassVar = {
        CR: ((CR, 24, 25),),
        CFGR1: ((CFGR1, 0, 2), (CFGR1, 1, 3)),
        VOSR: ((VOSR, 18, 14),),  # BOOSTRDY
    }

    def core_hz(self) -> int:
        if self.field(self.CFGR1, 0, 2) != 3 or not self.field(self.CR, 25, 1):
            return self.HZ
        assert self.field(self.PLL1CFGR, 0, 2) == 1 and self.field(self.PLL1CFGR, 18, 1)  # MSIS; R
        source = self.HZ // (self.field(self.PLL1CFGR, 8, 4) + 1)
        vco = source * (self.field(self.PLL1DIVR, 0, 9) + 1)
        core = vco // (self.field(self.PLL1DIVR, 24, 7) + 1)
        range_1 = self.field(self.VOSR, 16, 2) == 3 and self.field(self.AHB3ENR, 2, 1)
        assert core <= (160_000_000 if range_1 and self.field(self.VOSR, 14, 1) else 24_000_000)
        assert self.field(self.FLASH_ACR, 0, 4) >= (core - 1) // 32_000_000
        return core

    def uart_hz(self) -> int:
        return self.core_hz() if self.field(self.APB2ENR, 14, 1) else 0
