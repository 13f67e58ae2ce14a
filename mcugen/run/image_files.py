"""An image as the files that flash tools take: raw binary, Intel HEX, UF2."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from mcugen.errors import ToolError

_MAX_GAP = 1 << 20  # bytes between the parts of a raw binary
_HEX_BYTES = 16  # per record
_UF2_BYTES = 256  # per block
_UF2_BEGIN, _UF2_SECOND, _UF2_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_UF2_HAS_FAMILY = 0x2000


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes to be written from an address on."""

    address: int
    data: bytes


def segments(elf: Path) -> list[Segment]:
    """What an ELF image puts into flash, by address: parts that touch are one."""
    found: list[Segment] = []
    with elf.open("rb") as file:
        loads = [s for s in ELFFile(file).iter_segments("PT_LOAD") if s["p_filesz"]]
        for load in sorted(loads, key=lambda load: int(load["p_paddr"])):
            segment = Segment(int(load["p_paddr"]), load.data())
            if found and found[-1].address + len(found[-1].data) == segment.address:
                segment = Segment(found[-1].address, found.pop().data + segment.data)
            found.append(segment)
    if not found:
        raise ToolError(f"{elf}: holds nothing to flash; build the firmware of a board")
    return found


def to_binary(parts: Sequence[Segment]) -> bytes:
    """One piece from the first address on; what lies between parts is 0xFF, as erased flash."""
    data = b""
    for part in parts:
        gap = part.address - parts[0].address - len(data)
        if gap > _MAX_GAP:
            raise ToolError(
                f"the image has a gap of {gap:,} bytes; use a tool that takes hex or elf"
            )
        data += b"\xff" * gap + part.data
    return data


def to_hex(parts: Sequence[Segment]) -> str:
    """Intel HEX with 32-bit addresses."""
    lines = []
    for part in parts:
        upper = -1
        for offset, chunk in _chunks(part, _HEX_BYTES):
            if offset >> 16 != upper:
                upper = offset >> 16
                lines.append(_record(0, 4, upper.to_bytes(2, "big")))
            lines.append(_record(offset & 0xFFFF, 0, chunk))
    return "\n".join([*lines, _record(0, 1, b"")]) + "\n"


def to_uf2(parts: Sequence[Segment], family: int) -> bytes:
    """UF2 blocks, github.com/microsoft/uf2; `family` 0 leaves the chip open."""
    pages: dict[int, bytearray] = {}
    for part in parts:
        for address, chunk in _chunks(part, _UF2_BYTES):
            start = address - address % _UF2_BYTES
            page = pages.setdefault(start, bytearray(b"\xff" * _UF2_BYTES))
            page[address - start : address - start + len(chunk)] = chunk
    flags = _UF2_HAS_FAMILY if family else 0
    blocks = b""
    for number, (address, data) in enumerate(sorted(pages.items())):
        head = (_UF2_BEGIN, _UF2_SECOND, flags, address, _UF2_BYTES, number, len(pages), family)
        blocks += struct.pack("<8I476sI", *head, bytes(data), _UF2_END)
    return blocks


def write(elf: Path, kind: str, family: int = 0) -> Path:
    """The image as a file of this kind, beside it."""
    if kind == "elf":
        return elf
    parts = segments(elf)
    made = {
        "bin": lambda: to_binary(parts),
        "hex": lambda: to_hex(parts).encode("ascii"),
        "uf2": lambda: to_uf2(parts, family),
    }[kind]()
    path = elf.with_suffix(f".{kind}")
    path.write_bytes(made)
    return path


def _chunks(part: Segment, size: int) -> Iterator[tuple[int, bytes]]:
    """Pieces that do not cross a multiple of `size`, with their addresses."""
    offset = 0
    while offset < len(part.data):
        address = part.address + offset
        count = size - address % size
        yield address, part.data[offset : offset + count]
        offset += count


def _record(address: int, kind: int, data: bytes) -> str:
    body = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return f":{body.hex()}{-sum(body) & 0xFF:02x}".upper()
