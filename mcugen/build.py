"""Building a generated project with make, and measuring what came out."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from mcugen import manifest, stack
from mcugen.errors import BoardError, ToolError
from mcugen.manifest import Manifest
from mcugen.spaces import Piece
from mcugen.stack import Frame
from mcugen.target import RAM

_TIMEOUT_S = 600
_PACKAGES = {
    "make": "make",
    "gcc": "gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-objdump": "binutils-arm-none-eabi",
}
_PLACED = re.compile(r"\.(arena|weights|code)_(\w+)")  # sections of link.ld, by region
_CALL_GRAPH = "CFLAGS=-fcallgraph-info=su"
_OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes in flash (code, constants, initial values) and in RAM (variables)."""

    flash: int
    ram: int


@dataclass(frozen=True, slots=True)
class Build:
    """A project that was compiled.

    `model` is the generated library alone: its `ram` is 0, for all that it writes belongs to the
    caller, who hands over the `arguments` of PREFIX_invoke(). `whole` is the firmware image, those
    and the stack included; None without a board. `stack` bounds the stack of one inference; None
    where library code cannot be examined, as on the host, and for an image that observes. `placed`
    are the bytes of the image in each region of RAM but `ram`; `whole` does not count them.
    """

    image: Path
    model: Size
    whole: Size | None
    arguments: tuple[Piece, ...]
    stack: int | None
    placed: Mapping[str, int]
    copied: int


def build(project: Path, *, observe: bool = False) -> Build:
    """Compile the firmware, or the library where the project has no board.

    `observe` builds the image that reports every layer. Raises OutputError if this is not a
    project, ToolError if a tool is missing or fails, BoardError if the image does not fit.
    """
    record = manifest.read(project)
    has_firmware = (project / "firmware").is_dir()
    folder = project / "build" / "observe" if observe else project / "build"
    target = "firmware" if has_firmware else "all"
    command = ["make", "-s", f"-j{os.cpu_count() or 1}", target, f"OBSERVE={int(observe)}"]
    if (folder / f"{record.prefix}.o").exists() and not (folder / f"{record.prefix}.ci").exists():
        command.append("-B")  # compiled by hand, without the call graph
    _make(record, project, [*command, _CALL_GRAPH])

    name = f"{record.prefix}-observe.elf" if observe else f"{record.prefix}.elf"
    image = project / "build" / name if has_firmware else folder / f"lib{record.prefix}.a"
    objects = [folder / f"{record.prefix}.o", folder / f"{record.prefix}_weights.o"]
    objects += sorted((folder / "mcu").glob("*.o"))
    return Build(
        image=image,
        model=_total(section_sizes(path) for path in objects),
        whole=section_sizes(image) if has_firmware else None,
        arguments=record.arguments,
        stack=None if observe else _stack_bound(record, objects, image),
        placed=_placed(image) if has_firmware else {},
        copied=_copied(image) if has_firmware else 0,
    )


def section_sizes(path: Path) -> Size:
    """What an object file or image takes, from its section headers.

    Constants that hold addresses are writable in position-independent code, until it is loaded.
    What lies in a region of its own is not counted.
    """
    flash = ram = 0
    with path.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
                if section["sh_type"] != "SHT_NOBITS":
                    flash += section["sh_size"]
                constant = section.name.startswith(".data.rel.ro")
                placed = _PLACED.fullmatch(section.name)
                written = section["sh_flags"] & SH_FLAGS.SHF_WRITE and not constant
                if placed[2] == RAM if placed else written:
                    ram += section["sh_size"]
    return Size(flash, ram)


def _placed(image: Path) -> dict[str, int]:
    """The bytes of an image in regions other than `ram`."""
    found: dict[str, int] = {}
    for (_, region), size in _placed_sections(image):
        if region != RAM:
            found[region] = found.get(region, 0) + size
    return found


def _copied(image: Path) -> int:
    """The bytes of constants and code that do not stay in flash."""
    return sum(size for (kind, _), size in _placed_sections(image) if kind != "arena")


def _placed_sections(image: Path) -> Iterator[tuple[tuple[str, str], int]]:
    """The sections of regions: what and where, and bytes."""
    with image.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            found = _PLACED.fullmatch(section.name)
            if found:
                yield (found[1], found[2]), section["sh_size"]


def run_tool(command: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of the toolchain; ToolError if it is missing or takes too long."""
    try:
        return subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        raise _missing(command[0]) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{command[0]}: no end after {_TIMEOUT_S} s; it was stopped") from error


def _total(sizes: Iterable[Size]) -> Size:
    listed = list(sizes)
    return Size(sum(size.flash for size in listed), sum(size.ram for size in listed))


def _missing(program: str) -> ToolError:
    package = _PACKAGES.get(program, program)
    return ToolError(f"{program}: not found; it is needed to build; apt-get install {package}")


def _make(record: Manifest, project: Path, command: list[str]) -> None:
    done = run_tool(command, project)
    if done.returncode == 0:
        return
    output = done.stdout + done.stderr
    overflows = _OVERFLOW.findall(output)
    if overflows:
        excess = " and ".join(f"{int(size):,} bytes too many in {name}" for name, size in overflows)
        raise BoardError(
            f"{record.prefix}: does not fit {record.board}: {excess}; "
            "use a smaller model or a larger board"
        )
    for program in _PACKAGES:
        if re.search(rf"\b(?<!-){program}: (No such file|not found|command not found)", output):
            raise _missing(program)
    raise ToolError(f"{' '.join(command)} failed in {project}:\n{output.strip()}")


def _stack_bound(record: Manifest, objects: list[Path], image: Path) -> int | None:
    """The bound of PREFIX_invoke(); library functions are looked up in an Arm image."""
    graphs = [path.with_suffix(".ci").read_text(encoding="utf-8") for path in objects]
    frames = stack.from_callgraph(graphs)
    if image.suffix == ".elf" and _is_arm(image):
        command = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(image)]
        library = stack.from_disassembly(run_tool(command).stdout)
        frames = {**_aliases(image, library), **stack.combined(frames, library)}
    elif any(callee not in frames for frame in frames.values() for callee in frame.calls):
        return None
    return stack.bound(frames, f"{record.prefix}_invoke")


def _aliases(image: Path, frames: Mapping[str, Frame]) -> dict[str, Frame]:
    """The frames under all names of their addresses: a disassembly shows only one of them."""
    with image.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        addresses = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
    known = {addresses[name]: frame for name, frame in frames.items() if name in addresses}
    return {name: known[address] for name, address in addresses.items() if address in known}


def _is_arm(image: Path) -> bool:
    with image.open("rb") as file:
        return bool(ELFFile(file)["e_machine"] == "EM_ARM")
