"""Which layers have no integer form, and why: above all those with a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mcugen import verify
from mcugen.ir import Call, DType, Graph, Quant, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Recurrent
from mcugen.quantizer.observe import traced
from mcugen.quantizer.statistics import Statistics


def peaks(graph: Graph, statistics: Mapping[TensorId, Statistics]) -> dict[TensorId, float]:
    """The largest magnitudes of traced states, by their layer's first output."""
    return {
        key: max(abs(statistics[state].low), abs(statistics[state].high))
        for key, state in traced(graph).items()
    }


def refusals(
    graph: Graph,
    quants: Mapping[TensorId, Quant],
    peaks: Mapping[TensorId, float],
    dtype: DType,
) -> dict[TensorId, str]:
    """Why layers stay float, by their first output: no kernel for the type, or their state."""
    found = {}
    for call in graph.calls():
        key, op = call.node.outputs[0], OPS[call.node.op]
        if not call.output.dtype.is_float:
            continue
        if not any(tensor is not None and tensor.variable for tensor in call.inputs):
            known = {kernel.dtype for kernel in op.kernels}
            if call.input().dtype.is_float and known and not known & {None, dtype}:
                found[key] = f"{op.tflite} has no kernel for {dtype.value}"
            continue
        if op.recurrent is None:
            found[key] = f"its state must be calibrated in order, which is not done for {op.tflite}"
        elif dtype is not DType.INT8:
            found[key] = f"{op.tflite} has no kernel for {dtype.value}"
        else:
            problems = verify.call_problems(_integer(call, op.recurrent, quants, peaks[key]))
            if problems:
                found[key] = f"as int8 it has {problems[0].found}: {problems[0].allowed}"
    return found


def _integer(
    call: Call, recurrent: Recurrent, quants: Mapping[TensorId, Quant], peak: float
) -> Call:
    source, key = call.node.inputs[0], call.node.outputs[0]
    assert source is not None
    inputs = list(call.inputs)
    inputs[0] = replace(call.input(0), dtype=DType.INT8, quant=quants[source])
    for position, tensor in recurrent.integers(call, quants[source], quants[key], peak).items():
        inputs[position] = tensor
    output = replace(call.output, dtype=DType.INT8, quant=quants[key])
    return replace(call, inputs=tuple(inputs), outputs=(output,))
