"""Spelling in C: literals, rows of tables, identifiers, and text that is safe inside a comment.

What comes out of here can be printed into C, C++ or a Makefile as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1

_PER_LINE = {1: 16, 2: 16, 4: 8, 8: 4}  # by bytes per element
_COLUMNS = 100  # as in .clang-format
_MAX_IDENTIFIER = 24  # generated lines with a prefix and what follows it stay within them

# Keywords of C99, C11 and C++20, and names that hosted compilers predefine or libraries reserve.
_RESERVED = """
alignas alignof and and_eq asm assert auto bitand bitor bool break case catch char char8_t
char16_t char32_t class co_await co_return co_yield compl concept const const_cast consteval
constexpr constinit continue decltype default delete do double dynamic_cast else enum errno
explicit export extern false float for friend goto if inline int linux long main mutable
namespace new noexcept not not_eq nullptr offsetof operator or or_eq private protected public
register reinterpret_cast requires restrict return short signed sizeof static static_assert
static_cast struct switch template this thread_local throw true try typedef typeid typename
typeof union unix unsigned using virtual void volatile wchar_t while xor xor_eq
"""


def literal(value: int | float | np.generic) -> str:
    """Spell a number; a float becomes the shortest float32 constant that reads back exactly.

    An integer beyond int32 becomes a long long, INT64_MIN excepted; infinities and NaN become the
    macros of <math.h>.
    """
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, int):
        assert abs(value) < 2**63, value
        if not INT32_MIN <= value <= INT32_MAX:
            return f"{value}LL"
        return "(-2147483647 - 1)" if value == INT32_MIN else str(int(value))
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = str(np.float32(value))
    return f"{text}f"


def rows(array: NDArray[Any]) -> tuple[str, ...]:
    """Lines of comma-separated literals, in memory order; no comma at the end of a line."""
    spelled = [literal(value) for value in array.reshape(-1).tolist()]
    step = _PER_LINE[array.dtype.itemsize]
    return tuple(", ".join(spelled[i : i + step]) for i in range(0, len(spelled), step))


def identifier(name: str) -> str:
    """A C and C++ identifier that resembles a name; different names may give the same one."""
    text = re.sub(r"[^A-Za-z0-9]+", "_", name)[:_MAX_IDENTIFIER].strip("_")
    if not text:
        return "unnamed"
    if text[0].isdigit():
        return f"n{text}"
    return f"{text}_" if text in _RESERVED.split() else text


def comment(text: str, limit: int = 60) -> str:
    """Text that cannot end, nest or continue a comment, at most `limit` printable characters."""
    text = re.sub(r"[^ -~]", "?", " ".join(text.split())).replace("\\", "|")
    text = re.sub(r"\?{2,}", "?", text)  # two of them begin a trigraph
    text = re.sub(r"(?<=[*/])(?=[*/])", " ", text)
    return text if len(text) <= limit else f"{text[: limit - 3].rstrip()}..."


def wrapped(beginning: str, parts: Sequence[str], end: str) -> str:
    """A head or a call, broken into lines; `end` is what follows its bracket, as `;` or ` {`."""
    return "\n".join(statement(beginning, parts, indent=0, end=f"){end}"))


def statement(
    function: str,
    arguments: Sequence[str | tuple[str, ...]],
    indent: int = 4,
    end: str = ");",
) -> tuple[str, ...]:
    """Lines of a call statement, broken as clang-format does: filled, aligned at the bracket.

    An argument that is a tuple becomes an array of pointers, which has a line for each of them
    unless the whole statement fits on one.
    """
    array = "(const void *const[]){"
    lines = [f"{' ' * indent}{function}("]
    hang = " " * len(lines[0])
    texts = [f"{array}{', '.join(a)}}}" if isinstance(a, tuple) else a for a in arguments]
    fits = len(lines[0]) + len(", ".join(texts)) + len(end) <= _COLUMNS
    for position, (argument, text) in enumerate(zip(arguments, texts, strict=True)):
        after = end if position == len(arguments) - 1 else ","
        space = "" if position == 0 else " "
        if isinstance(argument, tuple) and not fits:
            pointers = (f"{hang}    {pointer}," for pointer in argument)
            lines += [f"{hang}{array}", *pointers, f"{hang}}}{after}"]
        elif position > 0 and (
            lines[-1] == hang + "}," or len(lines[-1] + space + text + after) > _COLUMNS
        ):
            lines.append(hang + text + after)
        else:
            lines[-1] += space + text + after
    return tuple(lines)
