"""The search for one option per layer: equal to trying everything."""

from __future__ import annotations

import itertools
import random

import pytest

from mcugen import frontier
from mcugen.frontier import Option, Point


def random_case(seed: int) -> tuple[list[list[Option]], list[int]]:
    """Few values, so that ties and shared codes are common."""
    rng = random.Random(seed)
    code = [rng.choice([0, 5, 20, 100]) for _ in range(6)]
    layers = []
    for _ in range(rng.randrange(1, 6)):
        group = rng.choice([(0, 1, 2), (3, 4), (0, 1, 2, 3, 4, 5)])
        count = rng.randrange(1, 4)
        layers.append(
            [
                Option(rng.randrange(0, 30), rng.randrange(0, 40), rng.choice(group))
                for _ in range(count)
            ]
        )
    return layers, code


def all_choices(layers: list[list[Option]], code: list[int]) -> list[Point]:
    found = []
    for picks in itertools.product(*(range(len(options)) for options in layers)):
        taken = [options[p] for options, p in zip(layers, picks, strict=True)]
        bought = sum(code[c] for c in {o.code for o in taken})
        cycles, constants = sum(o.cycles for o in taken), sum(o.constants for o in taken)
        found.append(Point(cycles, constants + bought, picks))
    return found


@pytest.mark.parametrize("block", range(4))
def test_equal_to_trying_everything(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        layers, code = random_case(seed)
        choices = all_choices(layers, code)
        best = [
            (cycles, min(p.flash for p in choices if p.cycles <= cycles))
            for cycles in sorted({p.cycles for p in choices})
        ]
        unbeaten = [p for i, p in enumerate(best) if i == 0 or p[1] < best[i - 1][1]]
        found = frontier.frontier(layers, code)
        assert [(p.cycles, p.flash) for p in found] == unbeaten, seed
        assert set(found) <= set(choices), seed  # the picks cost what is said


def test_a_layer_without_options_leaves_no_choice() -> None:
    assert frontier.frontier([[Option(1, 1, 0)], []], [10]) == ()


def test_no_layers_cost_nothing() -> None:
    assert frontier.frontier([], []) == (Point(0, 0, ()),)


def test_code_is_bought_once_for_two_layers_that_are_not_worth_it_alone() -> None:
    layers = [[Option(10, 0, 0), Option(4, 0, 1)]] * 2
    assert frontier.frontier(layers, [0, 100]) == (Point(8, 100, (1, 1)), Point(20, 0, (0, 0)))


def test_long_frontiers_are_thinned_but_keep_their_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [[Option(0, 1 << i, 0), Option(1 << i, 0, 0)] for i in range(9)]
    whole = frontier.frontier(layers, [0])
    assert len(whole) == 512
    monkeypatch.setattr(frontier, "MOST", 50)
    thinned = frontier.frontier(layers, [0])
    assert len(thinned) <= 51
    assert (thinned[0].cycles, thinned[-1].flash) == (0, 0)
    gap = max(a.flash - b.flash for a, b in itertools.pairwise(thinned))
    assert gap <= 2 * 9 * (511 / 50 + 1)
