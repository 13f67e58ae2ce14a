"""One option for each layer: all choices that no other beats in both cycles and flash.

Numbers in, numbers out; nothing here knows of kernels or boards. An option costs cycles, constants,
and code, which counts once however many layers share it. If the code is given, layers do not depend
on each other and their frontiers simply add up, layer after layer. So every set of shared codes is
tried, except those whose ideal, each layer's least cycles and least constants, is beaten already.
Groups of layers that share no code are solved apart.

The result is exact as long as no frontier has more than `MOST` points; beyond that, of points that
lie close together only the fastest is kept, and the sum of all layers may miss the best by as many
MOSTths of the range of flash as there are layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 2_000

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Option:
    """What a layer may take: cycles, bytes of constants, and the number of the code it runs."""

    cycles: int
    constants: int
    code: int


@dataclass(frozen=True, slots=True)
class Point:
    """A choice: all cycles, all bytes of flash with the code, and each layer's option by number."""

    cycles: int
    flash: int
    picks: tuple[int, ...]


def frontier(layers: Sequence[Sequence[Option]], code: Sequence[int]) -> tuple[Point, ...]:
    """The choices that no other beats, the fastest first; `code` are the bytes of each code.

    Empty if a layer has no option. Of equal choices the one with the earlier options is taken.
    """
    if not all(layers):
        return ()
    total = _nothing(len(layers))
    for members in _groups(layers):
        total = _sum(total, _group(layers, members, code))
    columns = (column.tolist() for column in (total.cycles, total.flash, total.picks))
    return tuple(Point(c, f, tuple(p)) for c, f, p in zip(*columns, strict=True))


@dataclass(frozen=True, slots=True)
class _Points:
    """A frontier; `picks` is [points][layers], zero for layers that it does not decide."""

    cycles: Ints
    flash: Ints
    picks: Ints


def _nothing(layers: int) -> _Points:
    return _Points(*(np.zeros(shape, np.int64) for shape in (1, 1, (1, layers))))


def _sum(one: _Points, other: _Points) -> _Points:
    """The frontier of one choice from each."""
    cycles = np.add.outer(one.cycles, other.cycles).ravel()
    flash = np.add.outer(one.flash, other.flash).ravel()
    kept = _unbeaten(cycles, flash)
    i, j = np.divmod(kept, len(other.cycles))
    return _Points(cycles[kept], flash[kept], one.picks[i] + other.picks[j])


def _either(one: _Points, other: _Points) -> _Points:
    """The frontier of both together."""
    cycles = np.concatenate([one.cycles, other.cycles])
    flash = np.concatenate([one.flash, other.flash])
    kept = _unbeaten(cycles, flash)
    return _Points(cycles[kept], flash[kept], np.concatenate([one.picks, other.picks])[kept])


def _unbeaten(cycles: Ints, flash: Ints) -> Ints:
    """Which points no other beats, by rising cycles; at most `MOST` and the smallest."""
    order = np.lexsort((flash, cycles))
    falling = flash[order]
    least = np.minimum.accumulate(falling)
    kept: Ints = order[np.concatenate([[True], falling[1:] < least[:-1]])]
    if len(kept) <= MOST:
        return kept
    range_of = flash[kept[0]] - flash[kept[-1]]
    grain = -(-int(range_of) // MOST)
    _, first = np.unique(-((flash[kept] - flash[kept[-1]]) // grain), return_index=True)
    thinned: Ints = kept[np.union1d(first, [len(kept) - 1])]
    return thinned


def _groups(layers: Sequence[Sequence[Option]]) -> Iterator[tuple[int, ...]]:
    """Layers that are tied together by codes that they could share."""
    waiting = dict(enumerate({option.code for option in options} for options in layers))
    while waiting:
        first = next(iter(waiting))
        members, codes = [first], waiting.pop(first)
        while tied := [i for i, other in waiting.items() if other & codes]:
            for i in tied:
                members.append(i)
                codes |= waiting.pop(i)
        yield tuple(sorted(members))


@dataclass(frozen=True, slots=True)
class _Choices:
    """What is left to one layer: cycles, flash, numbers of its options, bits of shared codes."""

    layer: int
    cycles: Ints
    flash: Ints
    numbers: Ints
    needs: Ints


def _group(
    layers: Sequence[Sequence[Option]], members: Sequence[int], code: Sequence[int]
) -> _Points:
    """The frontier of layers that may share code."""
    certain = {layers[i][0].code for i in members if len({o.code for o in layers[i]}) == 1}
    price = {o.code: 0 if o.code in certain else code[o.code] for i in members for o in layers[i]}
    useful = {i: _useful(layers[i], price) for i in members}
    users = [layers[i][n].code for i in members for n in useful[i]]
    shared = [c for c in dict.fromkeys(users) if c not in certain and users.count(c) > 1]
    choices = [_choices(layers[i], i, useful[i], shared, price) for i in members]

    sets = np.arange(1 << len(shared))
    bought = sum(((sets >> bit & 1) * code[c] for bit, c in enumerate(shared)), np.zeros_like(sets))
    bought = bought + sum(code[c] for c in certain)
    ideal_cycles = sum((_least(c.cycles, c.needs, sets) for c in choices), np.zeros_like(sets))
    ideal_flash = sum((_least(c.flash, c.needs, sets) for c in choices), bought)

    best: _Points | None = None
    for number in np.lexsort((ideal_flash, ideal_cycles)):
        if ideal_cycles[number] >= _IMPOSSIBLE:
            break
        ideal = ideal_cycles[number], ideal_flash[number]
        if best and np.any((best.cycles <= ideal[0]) & (best.flash <= ideal[1])):
            continue
        found = _nothing(len(layers))
        found = _Points(found.cycles, found.flash + bought[number], found.picks)
        for choice in choices:
            found = _sum(found, _allowed(choice, int(sets[number]), len(layers)))
        best = found if best is None else _either(best, found)
    assert best is not None, "all codes together serve every layer"
    return best


def _useful(options: Sequence[Option], price: Mapping[int, int]) -> list[int]:
    """The options that are not beaten by another one even if that one had to pay for its code."""

    def beats(a: int, b: int) -> bool:
        one, other = options[a], options[b]
        full = one.constants + (0 if one.code == other.code else price[one.code])
        if one.cycles > other.cycles or full > other.constants:
            return False
        return a < b or one.cycles < other.cycles or full < other.constants

    numbers = range(len(options))
    return [b for b in numbers if not any(beats(a, b) for a in numbers if a != b)]


def _choices(
    options: Sequence[Option],
    layer: int,
    numbers: Sequence[int],
    shared: Sequence[int],
    price: Mapping[int, int],
) -> _Choices:
    """A code that no other layer shares is as good as constants."""
    left = [options[n] for n in numbers]
    alone = [0 if o.code in shared else price[o.code] for o in left]
    return _Choices(
        layer,
        np.array([o.cycles for o in left], np.int64),
        np.array([o.constants + own for o, own in zip(left, alone, strict=True)], np.int64),
        np.array(numbers, np.int64),
        np.array([1 << shared.index(o.code) if o.code in shared else 0 for o in left], np.int64),
    )


_IMPOSSIBLE = 1 << 52  # far above any sum, and the sum of many does not wrap


def _least(values: Ints, needs: Ints, sets: Ints) -> Ints:
    """The least value among the options that each set of codes allows."""
    allowed = needs[None, :] & ~sets[:, None] == 0
    least: Ints = np.where(allowed, values, _IMPOSSIBLE).min(axis=1)
    return np.minimum(least, _IMPOSSIBLE)


def _allowed(choice: _Choices, codes: int, layers: int) -> _Points:
    """The options of one layer that a set of codes allows."""
    rows = np.flatnonzero(choice.needs & ~codes == 0)
    picks = np.zeros((len(rows), layers), np.int64)
    picks[:, choice.layer] = choice.numbers[rows]
    return _Points(choice.cycles[rows], choice.flash[rows], picks)
