"""The programs that write an image to a board; each knows its command line and nothing else.

The fields of a class are the keys of its table in a `board.toml`, [flash_tool.NAME].
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import ClassVar, Protocol

from mcugen.toml_table import Table

_LARGEST = 2**32 - 1


class FlashTool(Protocol):
    """A program that flashes; `program` is empty where mcugen does it itself.

    `image` is the kind of file that it takes: elf, bin, hex or uf2.
    """

    @property
    def program(self) -> str:
        """Its name, to be found in PATH."""

    @property
    def install(self) -> str:
        """How to get it."""

    @property
    def image(self) -> str:
        """The suffix of the file that it takes."""

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """The command that flashes `image` to the board with this serial number, or on this port.

        Without a serial number, the program takes the only board that there is.
        """


@dataclass(frozen=True, slots=True)
class Pyocd:
    """The debugger of Arm's Mbed, for CMSIS-DAP, ST-Link and J-Link; `target` is its type."""

    target: str
    program: ClassVar[str] = "pyocd"
    install: ClassVar[str] = "pip install pyocd"
    image: ClassVar[str] = "elf"

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """See `FlashTool`."""
        probe = [] if serial is None else ["--uid", serial]
        return ["pyocd", "load", "--target", self.target, *probe, str(image)]


@dataclass(frozen=True, slots=True)
class Openocd:
    """OpenOCD; `config` are its script files in order, the interface before the target.

    `transport` is swd or jtag where the interface can do both and does not choose.
    """

    config: tuple[str, ...]
    transport: str = ""
    program: ClassVar[str] = "openocd"
    install: ClassVar[str] = "sudo apt-get install openocd"
    image: ClassVar[str] = "elf"

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """See `FlashTool`; braces keep Tcl from reading the path."""
        files = [word for name in self.config for word in ("-f", name)]
        if self.transport:
            files[2:2] = ["-c", f"transport select {self.transport}"]
        probe = [] if serial is None else ["-c", f"adapter serial {serial}"]
        return ["openocd", *files, *probe, "-c", f"program {{{image}}} verify reset exit"]


@dataclass(frozen=True, slots=True)
class Stm32Programmer:
    """ST's STM32CubeProgrammer; `connect` is SWD or JTAG."""

    connect: str = "SWD"
    program: ClassVar[str] = "STM32_Programmer_CLI"
    install: ClassVar[str] = "install STM32CubeProgrammer from st.com and add its bin to PATH"
    image: ClassVar[str] = "elf"

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """See `FlashTool`."""
        probe = [] if serial is None else [f"sn={serial}"]
        return [self.program, "-c", f"port={self.connect}", *probe, "-w", str(image), "-v", "-rst"]


@dataclass(frozen=True, slots=True)
class Jlink:
    """SEGGER's J-Link Commander; `device` is its name for the chip. It reads a script."""

    device: str
    program: ClassVar[str] = "JLinkExe"
    install: ClassVar[str] = "install the J-Link software from segger.com"
    image: ClassVar[str] = "hex"

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """See `FlashTool`."""
        words = [self.program, "-device", self.device, "-if", "SWD", "-speed", "4000"]
        words += ["-autoconnect", "1", "-NoGui", "1", "-ExitOnError", "1"]
        words += [] if serial is None else ["-USB", serial]
        return [*words, "-CommandFile", str(image.with_suffix(".jlink"))]


@dataclass(frozen=True, slots=True)
class Picotool:
    """Raspberry Pi's picotool, for boards in BOOTSEL mode or with its USB interface."""

    program: ClassVar[str] = "picotool"
    install: ClassVar[str] = "build it from github.com/raspberrypi/picotool"
    image: ClassVar[str] = "elf"

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """See `FlashTool`."""
        device = [] if serial is None else ["--ser", serial]
        return [self.program, "load", "-v", "-x", str(image), *device, "-f"]


@dataclass(frozen=True, slots=True)
class Bossac:
    """The loader of SAM chips and of Arduino's boards; `offset` is where the image begins.

    `touch_baud` is the rate at which a board's port is opened once to call its bootloader, 0 for
    boards that do not listen to that.
    """

    offset: int = 0
    touch_baud: int = 0
    program: ClassVar[str] = "bossac"
    install: ClassVar[str] = "sudo apt-get install bossa-cli"
    image: ClassVar[str] = "bin"

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """See `FlashTool`; it takes a port, not a serial number."""
        where = [] if port is None else [f"--port={Path(port).name}"]
        offset = [f"--offset={self.offset:#x}"] if self.offset else []
        return [self.program, *where, "-U", *offset, "-e", "-w", "-v", str(image), "-R"]


@dataclass(frozen=True, slots=True)
class TeensyLoader:
    """PJRC's loader; `mcu` is its name of the board, such as TEENSY41. It waits for the button."""

    mcu: str
    program: ClassVar[str] = "teensy_loader_cli"
    install: ClassVar[str] = "sudo apt-get install teensy-loader-cli"
    image: ClassVar[str] = "hex"

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """See `FlashTool`; it takes the first board that it sees."""
        return [self.program, f"--mcu={self.mcu}", "-w", "-v", str(image)]


@dataclass(frozen=True, slots=True)
class Volume:
    """A drive that the board shows: a file copied to it is flashed.

    `label` is the drive's name, `format` the file's: uf2, hex or bin. `family` is the UF2 family
    of the chip, see github.com/microsoft/uf2/blob/master/utils/uf2families.json.
    """

    label: str
    format: str
    family: int = 0
    program: ClassVar[str] = ""
    install: ClassVar[str] = "put the board in its bootloader, so that its drive appears"

    @property
    def image(self) -> str:
        """See `FlashTool`."""
        return self.format

    def command(self, image: Path, serial: str | None, port: str | None) -> list[str]:
        """What mcugen does, as a command."""
        return ["cp", str(image), self.label]


TOOLS: dict[str, type] = {
    "pyocd": Pyocd,
    "openocd": Openocd,
    "stm32_programmer": Stm32Programmer,
    "jlink": Jlink,
    "picotool": Picotool,
    "bossac": Bossac,
    "teensy_loader": TeensyLoader,
    "volume": Volume,
}


def read(table: Table) -> tuple[FlashTool, ...]:
    """The tools of a [flash_tool] table, best first, as the file has them."""
    table.only(*TOOLS)
    return tuple(_read(TOOLS[name], options) for name, options in table.tables())


def _read(kind: type, table: Table) -> FlashTool:
    table.only(*(field.name for field in fields(kind)))
    values: dict[str, object] = {}
    for field in fields(kind):
        default = None if field.default is MISSING else field.default
        if field.type == "int":
            values[field.name] = table.number(field.name, 0, _LARGEST, default)
        elif field.name == "format":
            values[field.name] = table.choice(field.name, ("uf2", "hex", "bin"))
        elif field.type == "str":
            values[field.name] = table.text(field.name, default)
        else:
            values[field.name] = table.texts(field.name)
    tool: FlashTool = kind(**values)
    return tool
