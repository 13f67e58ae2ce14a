"""CMSIS packs: the core, the clock and the memories of a device, and the SVD file of it."""

from __future__ import annotations

import difflib
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mcugen.errors import BoardError
from mcugen.newboard.cores import Core
from mcugen.newboard.svd import Svd, read_svd
from mcugen.newboard.xml_file import LARGEST, Element, parse, read_file
from mcugen.target import RAM

_LEVELS = ("family", "subFamily", "device", "variant")
_NAMES = {"device": "Dname", "variant": "Dvariant"}
_SKIP = ("description", "book", "feature", "sequence", "components", "examples", "boards")


@dataclass(frozen=True, slots=True)
class Area:
    """A memory of a device; `default` is the one that a linker takes for its kind."""

    name: str
    start: int
    size: int
    writable: bool
    executable: bool
    startup: bool
    default: bool


@dataclass(frozen=True, slots=True)
class Device:
    """What a pack says of a device."""

    name: str
    core: Core | None
    clock_hz: int | None
    areas: tuple[Area, ...]
    svd: Svd | None

    @property
    def flash(self) -> Area | None:
        """Where the code begins."""
        read_only = [area for area in self.areas if not area.writable]
        return max(read_only, key=lambda a: (a.startup, a.default, a.size), default=None)

    @property
    def rams(self) -> tuple[Area, ...]:
        """Memories for data, the first one by default."""
        writable = [area for area in self.areas if area.writable]
        return tuple(sorted(writable, key=lambda a: (not a.default, -a.size, a.start)))


@dataclass
class _Facts:
    """What the levels above a device, and itself, say; the deeper one counts."""

    processor: dict[str, str] = field(default_factory=dict)
    memories: dict[str, dict[str, str]] = field(default_factory=dict)
    svd: str = ""

    def with_level(self, level: Element) -> _Facts:
        processors = level.findall("processor")
        processor = self.processor | (dict(processors[0].attrib) if processors else {})
        memories = dict(self.memories)
        for memory in level.findall("memory"):
            name = memory.get("name") or memory.get("id") or ""
            memories[name] = memories.get(name, {}) | memory.attrib
        debug = [e.get("svd", "") for e in level.findall("debug") if e.get("svd")]
        return _Facts(processor, memories, debug[0] if debug else self.svd)


def read_device(path: Path, device: str | None) -> Device:
    """A device of a .pack or a .pdsc file; without a name, the only one that it has."""
    where, data = str(path), b""
    if path.suffix.lower() == ".pdsc":
        data = read_file(path)
    else:
        data, where = _member(path, ".pdsc")
    devices = {n: f for level in _families(data, where) for n, f in _walk(level, _Facts())}
    name = _chosen(devices, device, where)
    facts = devices[name]
    return Device(
        name,
        _core(facts.processor),
        _integer(facts.processor["Dclock"], where) if "Dclock" in facts.processor else None,
        tuple(_area(name, memory, where) for name, memory in facts.memories.items()),
        _svd(path, facts.svd),
    )


def _families(data: bytes, where: str) -> list[Element]:
    root = parse(data, where, _SKIP)
    families = root.findall("devices/family")
    if root.tag != "package" or not families:
        raise BoardError(f"{where}: not a pack with devices; take a device family pack (DFP)")
    return families


def _walk(level: Element, above: _Facts) -> Iterator[tuple[str, _Facts]]:
    facts = above.with_level(level)
    name = level.get(_NAMES.get(level.tag, ""), "")
    if name:
        yield name, facts
    for below in level:
        if below.tag in _LEVELS:
            yield from _walk(below, facts)


def _chosen(devices: dict[str, _Facts], device: str | None, where: str) -> str:
    known = {name.upper(): name for name in devices}
    if device is None:
        if len(devices) == 1:
            return next(iter(devices))
        some = ", ".join(list(devices)[:5])
        raise BoardError(f"{where}: has {len(devices)} devices; choose one: --device, as {some}")
    if device.upper() in known:
        return known[device.upper()]
    near = difflib.get_close_matches(device.upper(), known, n=5, cutoff=0.4)
    hint = ", ".join(known[name] for name in near) or ", ".join(list(devices)[:5])
    raise BoardError(f"{where}: no device {device}; it has {len(devices)}, such as {hint}")


def _core(processor: dict[str, str]) -> Core | None:
    """The schema's default is a core without extensions, but for DSP."""
    if "Dcore" not in processor:
        return None
    dsp, mve = processor.get("Ddsp"), processor.get("Dmve")
    return Core(
        processor["Dcore"],
        processor.get("Dfpu", "NO_FPU") not in ("NO_FPU", "0"),
        None if dsp is None else dsp == "DSP",
        None if mve is None else mve == "FP_MVE",
    )


def _area(name: str, memory: dict[str, str], where: str) -> Area:
    access = memory.get("access") or ("rx" if name.upper().startswith("IROM") else "rwx")
    return Area(
        _region_name(name),
        _integer(memory.get("start", ""), where),
        _integer(memory.get("size", ""), where),
        "w" in access,
        "x" in access,
        memory.get("startup") in ("1", "true"),
        memory.get("default") in ("1", "true"),
    )


def _region_name(name: str) -> str:
    """The name as that of a region in a board.toml."""
    clean = re.sub(r"[^a-z0-9]", "_", name.lower())
    taken = clean in (RAM, "flash") or not clean[:1].isalpha()
    return f"memory_{clean}" if taken else clean


def _svd(path: Path, name: str) -> Svd | None:
    """The SVD file of a device, in the pack or beside the .pdsc; None where it is not there."""
    name = name.replace("\\", "/")
    if not name:
        return None
    if path.suffix.lower() == ".pdsc":
        file = path.parent / name
        inside = file.resolve().is_relative_to(path.parent.resolve())
        return read_svd(read_file(file), str(file)) if inside and file.is_file() else None
    data, where = _member(path, name, optional=True)
    return read_svd(data, where) if data else None


def _member(path: Path, ending: str, optional: bool = False) -> tuple[bytes, str]:
    """The only file of a pack whose name ends so, and its name for messages."""
    try:
        with zipfile.ZipFile(path) as pack:
            names = [name for name in pack.namelist() if name.lower().endswith(ending.lower())]
            if len(names) != 1:
                if optional:
                    return b"", ""
                raise BoardError(f"{path}: has {len(names)} files {ending}; a pack has one")
            with pack.open(names[0]) as file:
                data = file.read(LARGEST + 1)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise BoardError(f"{path}: cannot be read as a .pack or .pdsc: {error}") from error
    where = f"{path}: {names[0]}"
    if len(data) > LARGEST:
        raise BoardError(f"{where}: larger than {LARGEST // 2**20} MiB; no description is")
    return data, where


def _integer(text: str, where: str) -> int:
    try:
        return int(text, 0)
    except ValueError as error:
        raise BoardError(f"{where}: {text[:40]!r} is not a number") from error
