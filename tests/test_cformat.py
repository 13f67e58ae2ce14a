"""Spelling in C, checked by the compiler where it matters."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcugen import cformat


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-128, "-128"),
        (2147483647, "2147483647"),
        (-2147483648, "(-2147483647 - 1)"),
        (2147483648, "2147483648LL"),
        (-2147483649, "-2147483649LL"),
        (np.int8(-5), "-5"),
        (True, "1"),
        (0.1, "0.1f"),
        (1.0, "1.0f"),
        (np.float32(1e-10), "1e-10f"),
        (float("inf"), "INFINITY"),
        (float("-inf"), "-INFINITY"),
    ],
)
def test_literal(value: float, text: str) -> None:
    assert cformat.literal(value) == text


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_literal_reads_back_exactly(value: float) -> None:
    text = cformat.literal(value)
    assert text.endswith("f") and re.search(r"[.e]", text)  # an integer with f is not C
    assert np.float32(text[:-1]) == np.float32(value)


def test_rows_have_16_bytes_or_8_words() -> None:
    assert cformat.rows(np.arange(17, dtype=np.int8).reshape(1, 17)) == (
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "16",
    )
    assert [line.count(",") for line in cformat.rows(np.zeros(9, np.int32))] == [7, 0]
    assert cformat.rows(np.zeros(0, np.int8)) == ()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 18])
@pytest.mark.parametrize("tail", ["output", "an_output_of_a_longer_name"])
def test_arrays_are_broken_as_clang_format_does(
    clang_format: list[str], count: int, tail: str
) -> None:
    pointers = tuple(f"memory + {1000 * i}" for i in range(count))
    lines = cformat.statement("mcu_concat_ref", ["&layer_3", pointers, tail])
    source = "\n".join(["void f(void) {", "    g();", *lines, "}", ""])
    done = subprocess.run(clang_format, input=source, capture_output=True, text=True, check=True)
    assert done.stdout == source


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("kws", "kws"),
        ("kws-v2.1", "kws_v2_1"),
        ("", "unnamed"),
        ("!!!", "unnamed"),
        ("3dnet", "n3dnet"),
        ("int", "int_"),
        ("class", "class_"),
        ("_Bool", "Bool"),
        ("__init", "init"),
        ("modèle", "mod_le"),
        ("模型", "unnamed"),
        ("x" * 300, "x" * 24),
    ],
)
def test_identifier(name: str, result: str) -> None:
    assert cformat.identifier(name) == result


@given(st.text())
def test_identifier_is_one(name: str) -> None:
    text = cformat.identifier(name)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,24}", text) and "__" not in text


@given(st.text(alphabet=st.sampled_from("*/\\?\n\r\t a\"'é\x00\u2028=<"), max_size=90))
def test_comment_cannot_escape(text: str) -> None:
    safe = cformat.comment(text)
    assert len(safe) <= 60
    assert re.fullmatch(r"[ -~]*", safe)
    for bad in ("*/", "/*", "//", "\\", "??"):
        assert bad not in safe


def test_hostile_comments_compile(tmp_path: Path) -> None:
    hostile = [
        "*/ int x = 1;",
        "/*",
        "a*",
        "/b",
        "end\\",
        "??/\n",
        "line\r\nbreak",
        "//",
        "é\u202e",
    ]
    source = tmp_path / "comment.c"
    lines = [f"/*{cformat.comment(text)} */" for text in hostile]
    source.write_text("\n".join([*lines, "typedef int something;", ""]), encoding="ascii")
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", str(source)]
    subprocess.run([*command, "-o", str(tmp_path / "comment.o")], check=True, timeout=60)
