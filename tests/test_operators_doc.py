"""docs/operators.md says what the operator modules say; `--update-golden` rewrites it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcugen.ops import BY_TFLITE, manual

MANUAL = Path(__file__).parent.parent / "docs" / "operators.md"


def test_the_manual_is_up_to_date(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        MANUAL.write_text(manual.text(), encoding="utf-8")
    assert MANUAL.read_text(encoding="utf-8") == manual.text(), "run: make docs"


@pytest.mark.parametrize("op", BY_TFLITE.values(), ids=list(BY_TFLITE))
def test_every_operator_is_explained(op) -> None:
    _, _, rest = manual.text().partition(f"\n## {op.tflite}\n")
    section, _, _ = rest.partition("\n## ")
    assert op.tflite in section  # the module's first line names it
    for kernel in op.kernels:
        assert f"`{kernel.name}`" in section
