"""mcugen: neural networks as readable C for microcontrollers, equal to the TFLite reference.

    import mcugen
    mcugen.generate("kws.tflite", "mps2-an386", "out/kws")
    print(mcugen.build_project("out/kws").memory)

The functions are those of `mcugen.api`, imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcugen.errors import McugenError

if TYPE_CHECKING:
    from mcugen.api import (
        Io,
        Limits,
        Objective,
        Placement,
        analyze,
        boards,
        build_project,
        check_board,
        doctor,
        flash,
        generate,
        load,
        new_board,
        port_list,
        profile,
        profile_device,
        quantize,
        run_project,
        tune,
        validate,
        variants,
    )

__version__ = "0.1.0"

__all__ = [
    "Io",
    "Limits",
    "McugenError",
    "Objective",
    "Placement",
    "analyze",
    "boards",
    "build_project",
    "check_board",
    "doctor",
    "flash",
    "generate",
    "load",
    "new_board",
    "port_list",
    "profile",
    "profile_device",
    "quantize",
    "run_project",
    "tune",
    "validate",
    "variants",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mcugen import api

    return getattr(api, name)
