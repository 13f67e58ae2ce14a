"""An independent judge of memory plans: it replays the steps and marks every byte.

It shares no code with the planner, so that a mistake there cannot hide here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcugen.plan import Buffer, MemoryPlan, Share

Bytes = NDArray[np.int64]

_FREE = -1


class PlanError(AssertionError):
    """The planner made a plan that would corrupt memory: a bug in mcugen."""


def verify(
    buffers: Sequence[Buffer], memory_plan: MemoryPlan, shares: Sequence[Share] = ()
) -> None:
    """Raise PlanError if live buffers share a byte that no share allows, or one is out of place."""
    if len(buffers) != len(memory_plan.offsets):
        raise PlanError(f"{len(memory_plan.offsets)} offsets for {len(buffers)} buffers")
    for i, (buffer, offset) in enumerate(zip(buffers, memory_plan.offsets, strict=True)):
        if offset % buffer.align != 0:
            raise PlanError(f"buffer {i}: offset {offset} is not aligned to {buffer.align}")
        if offset < 0 or offset + buffer.bytes > memory_plan.arena_bytes:
            raise PlanError(f"buffer {i}: at {offset}, outside of {memory_plan.arena_bytes} bytes")
    for share in shares:
        if buffers[share.input].last != buffers[share.output].first:
            raise PlanError(f"buffer {share.input} does not die where buffer {share.output} begins")
    _replay(buffers, memory_plan, shares)


def _replay(buffers: Sequence[Buffer], memory_plan: MemoryPlan, shares: Sequence[Share]) -> None:
    """Walk through the steps. Each byte knows its owner and which byte of the owner it is."""
    owner = np.full(memory_plan.arena_bytes, _FREE, np.int32)
    byte = np.zeros(memory_plan.arena_bytes, np.int64)
    places = [
        slice(offset, offset + buffer.bytes)
        for buffer, offset in zip(buffers, memory_plan.offsets, strict=True)
    ]
    living: set[int] = set()
    for step in sorted({buffer.first for buffer in buffers}):
        dead = {i for i in living if buffers[i].last < step}
        for i in dead:  # what it owns lies in its place, so that a large arena is not searched
            owner[places[i]][owner[places[i]] == i] = _FREE
        living -= dead
        for i, buffer in enumerate(buffers):
            if buffer.first == step:
                living.add(i)
                memory = places[i]
                written = np.arange(buffer.bytes)
                taken = owner[memory] != _FREE
                for share in shares:
                    if share.output == i:
                        of_input = owner[memory] == share.input
                        taken &= ~(of_input & _allowed(share, written, byte[memory]))
                if np.any(taken):
                    holders = sorted({int(h) for h in owner[memory][taken]})
                    raise PlanError(f"step {step}: buffer {i} overwrites buffers {holders}")
                owner[memory], byte[memory] = i, written


def _allowed(share: Share, written: Bytes, read: Bytes) -> NDArray[np.bool_]:
    """Whether byte `written` of the output may take the place of byte `read` of the input."""
    ahead = written - read
    return np.equal(ahead, share.distance) if share.exact else ahead >= share.distance
