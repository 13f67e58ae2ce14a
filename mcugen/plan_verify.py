"""An independent judge of memory plans: it replays the steps and marks every byte.

It shares no code with the planner, so that a mistake there cannot hide here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcugen.plan import Buffer, MemoryPlan

_FREE = -1


class PlanError(AssertionError):
    """The planner made a plan that would corrupt memory: a bug in mcugen."""


def verify(buffers: Sequence[Buffer], memory_plan: MemoryPlan) -> None:
    """Raise PlanError if two live buffers share a byte, or one is misaligned or out of bounds."""
    if len(buffers) != len(memory_plan.offsets):
        raise PlanError(f"{len(memory_plan.offsets)} offsets for {len(buffers)} buffers")
    for i, (buffer, offset) in enumerate(zip(buffers, memory_plan.offsets, strict=True)):
        if offset % buffer.align != 0:
            raise PlanError(f"buffer {i}: offset {offset} is not aligned to {buffer.align}")
        if offset < 0 or offset + buffer.bytes > memory_plan.arena_bytes:
            raise PlanError(f"buffer {i}: at {offset}, outside of {memory_plan.arena_bytes} bytes")
    _replay(buffers, memory_plan)


def _replay(buffers: Sequence[Buffer], memory_plan: MemoryPlan) -> None:
    owner = np.full(memory_plan.arena_bytes, _FREE, np.int32)
    for step in sorted({buffer.first for buffer in buffers}):
        for i, buffer in enumerate(buffers):
            if buffer.last < step:
                owner[owner == i] = _FREE
        for i, buffer in enumerate(buffers):
            if buffer.first == step:
                memory = owner[memory_plan.offsets[i] :][: buffer.bytes]
                if np.any(memory != _FREE):
                    holders = sorted({int(h) for h in memory[memory != _FREE]})
                    raise PlanError(f"step {step}: buffer {i} overwrites buffers {holders}")
                memory[:] = i
