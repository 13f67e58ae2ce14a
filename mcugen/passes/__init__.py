"""Graph rewrites, one idea a module, applied in the order of `PASSES`."""

from __future__ import annotations

from collections.abc import Callable

from mcugen import verify
from mcugen.ir import Graph
from mcugen.passes.constant_channels import constant_channels
from mcugen.passes.dilated_conv import dilated_conv
from mcugen.passes.drop_identity import drop_identity
from mcugen.passes.float_weights import float_weights
from mcugen.passes.fuse_activation import fuse_activation
from mcugen.passes.one_output import one_output
from mcugen.passes.outputs_apart import outputs_apart
from mcugen.passes.resolve import resolve
from mcugen.passes.square_as_product import square_as_product
from mcugen.passes.strip_float_edges import strip_float_edges

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    resolve,
    square_as_product,
    strip_float_edges,
    dilated_conv,
    fuse_activation,
    drop_identity,
    one_output,
    constant_channels,
    outputs_apart,
)


def run(graph: Graph) -> Graph:
    """Apply all passes; the result is legal.

    An UnsupportedModelError with all problems is raised if the model is not. `float_weights` and
    `resolve` take a graph straight from a file; the others see legal graphs only.
    """
    graph = float_weights(graph)
    for rewrite in PASSES:
        graph = rewrite(graph)
        verify.check(graph)
    return graph
