"""Modelled cycles of a whole model: the emulator and QEMU agree on the instructions."""

from __future__ import annotations

from pathlib import Path

import pytest

import mcugen

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an385", "mps2-an385-m0"])
def test_two_emulators_count_the_same_instructions(board: str) -> None:
    profile = mcugen.profile(DIGITS, board)
    assert profile.functions
    modelled = sum(function.instructions for function in profile.functions)
    # QEMU's count includes the call through the firmware's table.
    assert 0 <= profile.instructions - modelled <= 4
    assert sum(layer.cycles or 0 for layer in profile.layers) == profile.cycles
    assert profile.cycles is not None and profile.cycles > profile.instructions
    assert "modelled, zero wait states" in profile.cycles_note


@pytest.mark.qemu
def test_a_core_without_a_model_says_so() -> None:
    profile = mcugen.profile(DIGITS, "mps3-an547")
    assert profile.cycles is None
    assert "no cycle model" in profile.cycles_note
