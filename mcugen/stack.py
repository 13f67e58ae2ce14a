"""A bound on the stack, from gcc's call graph (-fcallgraph-info=su) and from disassembly.

gcc says how much each function that it compiles takes and what it calls. Functions of libraries
come without that; their frames are read off the instructions that lower the stack pointer. The
bound is the deepest path, and counts a frame in full also where a call happens before it is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcugen.errors import McugenError

_NODE = re.compile(r'^node: \{ title: "([^"]*)" label: "([^"]*)"', re.MULTILINE)
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"', re.MULTILINE)
_FRAME = re.compile(r"\\n(\d+) bytes \(([a-z,]+)\)")
_INDIRECT = "__indirect_call"

_FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:\n((?:.+\n?)*)", re.MULTILINE)
_INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\t(\S+)(?:\t([^;@\n]*))?", re.MULTILINE)
_BRANCH = re.compile(r"^(bl?x?|bl?x?(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)|cbn?z)(\.[nw])?$")
_VENEER = re.compile(r"__(\w+)_veneer")  # what the linker puts in between for a call too far
_TARGET = re.compile(r"<([^>+]+)(?:\+0x[0-9a-f]+)?>")


class StackError(McugenError):
    """The stack has no bound, or a function on the way is unknown."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a function takes itself, in bytes, and what it calls; None where there is no bound."""

    bytes: int | None
    calls: frozenset[str]


def from_callgraph(texts: Iterable[str]) -> dict[str, Frame]:
    """The functions that gcc compiled, from the contents of its .ci files."""
    frames: dict[str, int | None] = {}
    calls: dict[str, set[str]] = {}
    for text in texts:
        for title, label in _NODE.findall(text):
            found = _FRAME.search(label)
            if found is not None:
                frames[title] = None if found[2] == "dynamic" else int(found[1])
        for source, target in _EDGE.findall(text):
            calls.setdefault(source, set()).add(target)
    return {title: Frame(size, frozenset(calls.get(title, ()))) for title, size in frames.items()}


def from_disassembly(text: str) -> dict[str, Frame]:
    """The functions of an Arm image, from `objdump -d --no-show-raw-insn`."""
    frames: dict[str, Frame] = {}
    for name, body in _FUNCTION.findall(text):
        frame = _read_function(name, body)
        namesake = frames.get(name, frame)  # file-local functions may share a name
        frames[name] = Frame(_larger(frame.bytes, namesake.bytes), frame.calls | namesake.calls)
    for name, frame in frames.items():
        found = _VENEER.fullmatch(name)
        if found:  # it jumps through a register or the program counter, which shows no target
            frames[name] = Frame(frame.bytes, frozenset({found[1]}))
    return frames


def combined(compiled: Mapping[str, Frame], image: Mapping[str, Frame]) -> dict[str, Frame]:
    """What gcc and the disassembly know together.

    gcc sees nothing in the assembly in a function's body: neither what it takes, so the larger of
    both counts, nor what it calls. Nor does it know of the veneers that the linker puts in between.
    """

    def reached(callee: str) -> str:
        veneer = f"__{callee}_veneer"
        return veneer if veneer in image else callee

    frames = dict(image)
    for title, frame in compiled.items():
        found = image.get(title.rpartition(":")[2], frame)  # FILE:NAME for file-local functions
        is_bare = frame.bytes == 0  # nothing but assembly, or nothing at all
        size = found.bytes if is_bare else _larger(frame.bytes, found.bytes or 0)
        calls = frame.calls | found.calls if is_bare else frame.calls
        frames[title] = Frame(size, frozenset(map(reached, calls)))
    return frames


def _larger(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else max(first, second)


def bound(frames: Mapping[str, Frame], entry: str) -> int:
    """The deepest stack of a function in bytes; StackError says what makes it unbounded."""
    known: dict[str, int] = {}

    def depth(name: str, path: tuple[str, ...]) -> int:
        if name in path:
            raise _unbounded(entry, f"recursion through {' -> '.join((*path, name))}")
        if name not in known:
            if name == _INDIRECT:
                raise _unbounded(entry, f"{path[-1]} calls through a pointer")
            frame = frames.get(name)
            if frame is None:
                raise _unbounded(entry, f"nothing is known of {' -> '.join((*path, name))}")
            if frame.bytes is None:
                raise _unbounded(entry, f"{name} has a frame of variable size")
            below = (depth(callee, (*path, name)) for callee in sorted(frame.calls))
            known[name] = frame.bytes + max(below, default=0)
        return known[name]

    return depth(entry, ())


def _unbounded(entry: str, reason: str) -> StackError:
    return StackError(
        f"{entry}: the stack has no bound: {reason}; "
        "kernels must not recurse, call through pointers or use variable-length arrays"
    )


def _read_function(name: str, body: str) -> Frame:
    size: int | None = 0
    calls: set[str] = set()
    for mnemonic, operands in _INSTRUCTION.findall(body):
        lowered = _lowered(mnemonic, operands)
        size = None if size is None or lowered is None else size + lowered
        if _BRANCH.match(mnemonic):
            target = _TARGET.search(operands)
            linked = mnemonic.split(".")[0] in ("bl", "blx")
            if target is not None and (linked or target[1] != name):
                calls.add(target[1])
            elif target is None and linked:
                calls.add(_INDIRECT)  # plain bx is a return
    return Frame(size, frozenset(calls))


def _lowered(mnemonic: str, operands: str) -> int | None:
    """By how many bytes an instruction lowers the stack pointer; None if nobody can tell."""
    if mnemonic.startswith(("push", "vpush")) or re.match(r"v?stmf?db.*", mnemonic):
        stored = "sp!" in operands or "push" in mnemonic
        return _register_bytes(operands) if stored else 0
    pushed = re.search(r"\[sp, #-(\d+)\]!", operands)
    if pushed:
        return int(pushed[1])
    if re.match(r"subs?w?(\.w)?$", mnemonic) and operands.startswith("sp"):
        constant = re.search(r"#(\d+)\s*$", operands)
        return int(constant[1]) if constant else None
    if re.match(r"(mov|bic|and|add)", mnemonic) and re.match(r"sp, (?!sp, #|#)", operands):
        return None
    return 0


def _register_bytes(operands: str) -> int:
    """The size of a register list such as {r4, r5, lr} or {d8-d15}."""
    total = 0
    for kind, first, last in re.findall(
        r"\b([a-z]+)(\d*)(?:-[a-z]+(\d+))?", operands.split("{")[-1]
    ):
        count = int(last) - int(first) + 1 if last else 1
        total += count * (8 if kind == "d" else 4)
    return total
