"""Modelled Cortex-M cycles, zero wait states, from running an ELF under Unicorn.

    image.py     the ELF: what to map, which function an address belongs to
    costs.py     what an instruction costs on which core, from its disassembly
    alignment.py where a block's accesses go, from what it finds in registers
    machine.py   runs one function, counts blocks, guards memory and registers
    trace.py     counts and costs to instructions and cycles per function

`docs/cycle-model.md` states the model.
"""

from mcugen.cycles.costs import CORES, Core
from mcugen.cycles.image import Image
from mcugen.cycles.machine import EmulationError, Machine
from mcugen.cycles.trace import Trace, Usage

__all__ = ["CORES", "Core", "EmulationError", "Image", "Machine", "Trace", "Usage"]
