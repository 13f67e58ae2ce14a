"""Requantization of sums times 576: what is found equals the reference, for every sum in reach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mcugen.ops.kernels.conv2d_rules import rows
from mcugen.ops.kernels.requant import exact_sums, reference
from mcugen.ops.kernels.times_576 import Form, evaluate, finish
from mcugen.testing.check import call_of
from mcugen.testing.convolutions import Conv, clamped, general

WINDOW = (3, 3)


@pytest.mark.parametrize(
    ("conv", "form"),
    [
        (clamped((4, 4), 16, 8, WINDOW), Form.FIXED),
        (clamped((4, 4), 16, 8, WINDOW, dead=2**30), Form.FIXED),
        (general((4, 4), 16, 8, WINDOW), Form.SIGNED),
        (general((4, 4), 16, 8, WINDOW, dead=2**30), Form.SIGNED),
    ],
)
def test_a_form_equals_the_reference_for_every_sum(conv: Conv, form: Form) -> None:
    call = call_of(conv.model())
    sums = exact_sums(call, rows(call))
    found = finish(call, sums)
    assert found.form is form
    for channel in range(len(sums.least)):
        acc = np.arange(sums.least[channel], sums.greatest[channel] + 1)
        every = np.zeros((len(sums.least), len(acc)), np.int64)
        every[channel] = acc
        expected = reference(call)(every)[channel] if sums.varies[channel] else sums.value[channel]
        assert (evaluate(found, every)[channel] == expected).all()


@pytest.mark.parametrize(
    ("make", "fields", "form"),
    [
        (clamped, {"in_ch": 64}, Form.SCALED),  # sums above 2**31 / 576
        (clamped, {"in_ch": 16, "gain": 20.0}, Form.GENERAL),  # multipliers that fit no shift
        (general, {"in_ch": 64}, Form.GENERAL),
    ],
)
def test_other_forms_where_none_is_exact(
    make: Callable[..., Conv], fields: dict[str, float], form: Form
) -> None:
    call = call_of(make((4, 4), out_ch=16, kernel=WINDOW, **fields).model())
    assert finish(call, exact_sums(call, rows(call))).form is form
