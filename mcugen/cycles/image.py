"""An ELF image: its segments, and the functions in it."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from mcugen.errors import RunError


@dataclass(frozen=True, slots=True)
class Segment:
    """A loaded range: `data` is followed by zeros up to `size`."""

    address: int
    size: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """A statically linked Thumb image. `starts` and `names` are its functions, by address."""

    segments: tuple[Segment, ...]
    symbols: Mapping[str, int]
    starts: tuple[int, ...]
    names: tuple[str, ...]

    @staticmethod
    def load(path: Path) -> Image:
        """Read an ELF file with its symbols."""
        try:
            with path.open("rb") as file:
                elf = ELFFile(file)
                segments = tuple(
                    Segment(s["p_vaddr"], s["p_memsz"], s.data())
                    for s in elf.iter_segments("PT_LOAD")
                    if s["p_memsz"]
                )
                table = elf.get_section_by_name(".symtab")
                found = list(table.iter_symbols()) if isinstance(table, SymbolTableSection) else []
        except (OSError, ELFError) as error:
            raise RunError(f"{path}: {error}; an ELF image is needed; build the project") from error
        functions = sorted(
            {
                s["st_value"] & ~1: s.name for s in found if s["st_info"]["type"] == "STT_FUNC"
            }.items()
        )
        return Image(
            segments=segments,
            symbols={s.name: s["st_value"] for s in found if s.name},
            starts=tuple(address for address, _ in functions),
            names=tuple(name for _, name in functions),
        )

    def symbol(self, name: str) -> int:
        """The address of a symbol; bit 0 is set for a Thumb function."""
        if name not in self.symbols:
            raise RunError(f"image: no symbol {name}; link it in, and do not strip the image")
        return self.symbols[name]

    def extent(self, function: str) -> tuple[int, int]:
        """The addresses [low, high) of a function and the constants behind it."""
        low = self.symbol(function) & ~1
        following = bisect.bisect_right(self.starts, low)
        return low, self.starts[following] if following < len(self.starts) else 1 << 32

    def function_at(self, address: int) -> str:
        """The function that holds an address."""
        position = bisect.bisect_right(self.starts, address) - 1
        return self.names[position] if position >= 0 else "?"
