"""Plans of random graphs are legal, between their bounds, and optimal where a solver can tell."""

from __future__ import annotations

from mcugen.plan import Buffer, Share
from mcugen.testing.plans import first_fit, judged, optimum


def test_plans_of_random_graphs() -> None:
    """`make plans N=2000` judges more of them."""
    verdicts = [judged(seed) for seed in range(40)]
    assert [verdict.problem for verdict in verdicts if verdict.problem] == []
    solved = [verdict for verdict in verdicts if verdict.optimum is not None]
    assert all(verdict.arena == verdict.optimum for verdict in solved)
    assert sum(verdict.arena == verdict.bound for verdict in verdicts) > 20


def test_the_oracle() -> None:
    spans = [(3, 2, 4), (2, 3, 3), (5, 2, 2), (4, 2, 3), (4, 3, 3), (3, 2, 4)]
    buffers = [Buffer(size, first, last, 1) for size, first, last in spans]
    assert first_fit(buffers, []) == 17
    assert optimum(buffers, [], 17) == 16
    chain = [Buffer(10, 0, 1, 1), Buffer(10, 1, 2, 1)]
    assert optimum(chain, [], 20) == 20
    assert optimum(chain, [Share(1, 0, 3)], 20) == 13
    assert optimum(chain, [Share(1, 0, 0, exact=True)], 20) == 10
