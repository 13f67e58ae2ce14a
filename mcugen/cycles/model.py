"""Modelled cycles of a generated model: its invoke() under the emulator, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcugen.cycles.costs import CORES, Core
from mcugen.cycles.image import Image
from mcugen.cycles.machine import EmulationError, Machine
from mcugen.cycles.trace import Usage
from mcugen.spaces import Piece

STATUS_OK = 0


@dataclass(frozen=True, slots=True)
class ModelCycles:
    """One inference on memory of zeros. `layers` are in the order of the calls in invoke()."""

    core: Core
    layers: tuple[Usage, ...]
    functions: tuple[tuple[str, Usage], ...]  # what each spent itself, the most expensive first

    @property
    def total(self) -> Usage:
        """The whole of invoke()."""
        return sum(self.layers, Usage())


def model_cycles(
    image: Path, prefix: str, arguments: Sequence[Piece], cpu: str
) -> ModelCycles | None:
    """Run `PREFIX_invoke` of a firmware image; None for a core that has no model.

    What is handed over lies between guards: an access outside of it ends in an EmulationError.
    """
    core = CORES.get(cpu)
    if core is None:
        return None
    machine = Machine(Image.load(image), core)
    buffers = [machine.buffer(a.name, bytes(a.bytes), align=a.align) for a in arguments]
    function = f"{prefix}_invoke"
    traces = machine.call_split(function, *buffers)
    if machine.result() != STATUS_OK:
        raise EmulationError(f"{function}: returned {machine.result()}; 0 is success")
    spent: dict[str, Usage] = {}
    for trace in traces:
        for name, usage in trace.functions.items():
            spent[name] = spent.get(name, Usage()) + usage
    ranked = sorted(spent.items(), key=lambda item: -item[1].cycles)
    return ModelCycles(core, tuple(trace.total for trace in traces), tuple(ranked))
