"""Lowering: names, expressions and numbers that the templates print."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mcugen import interpret
from mcugen.ir import Graph
from mcugen.lower import lower, project_prefix
from mcugen.program import Program, Source
from mcugen.select import select
from mcugen.target import CPUS
from mcugen.testing import graphs

SOURCE = Source("model.tflite", "0" * 64)


def program(graph: Graph, source: Source = SOURCE, name: str | None = None) -> Program:
    return lower(graph, select(graph, CPUS["host"]), source, name=name)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("kws", "kws"),
        ("KWS-int8", "kws_int8"),
        ("string", "model_string"),
        ("mcu", "model_mcu"),
        ("mcu_port", "model_mcu_port"),
        ("mcux", "mcux"),
        ("test", "model_test"),
        ("switch", "switch_"),
        ("", "unnamed"),
        ("model", "model_model"),
    ],
)
def test_project_prefix(name: str, prefix: str) -> None:
    assert project_prefix(name) == prefix


def test_name_overrides_the_graph() -> None:
    assert program(graphs.conv("a")).prefix == "a"
    named = program(graphs.conv("a"), name="other")
    assert (named.prefix, named.macro) == ("other", "OTHER")


def test_ports_are_numbered_where_there_are_several() -> None:
    assert [port.name for port in program(graphs.conv()).ports] == ["input", "output"]
    names = [port.name for port in program(graphs.branches()).ports]
    assert names == ["input_0", "input_1", "output_0", "output_1"]


def test_port_numbers() -> None:
    port = program(graphs.conv()).inputs[0]
    assert (port.elements, port.bytes, port.scale, port.zero_point) == (32, 32, "0.5f", -3)
    assert (port.low, port.high) == ("-62.5", "65")


def test_aliases_share_an_address_and_are_no_layers() -> None:
    lowered = program(graphs.branches())
    assert [layer.node for layer in lowered.layers] == [0, 2]
    assert [layer.index for layer in lowered.layers] == [0, 1]
    c = f"memory + {lowered.outputs[0].offset}"
    assert lowered.layers[0].output == c
    assert c + "," in " ".join(lowered.layers[1].call)


def test_constant_operands_become_arrays() -> None:
    lowered = program(graphs.branches())
    constant = next(array for array in lowered.consts if "operand" in array.name)
    assert constant.lines == ("1, -2, 3, -4, 5, -6, 7, -128",)
    assert constant.name in " ".join(lowered.layers[1].call)


def test_equal_arrays_are_kept_once() -> None:
    graph = graphs.conv()
    again = replace(graph.nodes[0], inputs=(4, 5, 2), outputs=(6,), index=1)
    twice = graph.with_(
        tensors={
            **graph.tensors,
            4: graphs.activation("second", (1, 4, 4, 2), 0.5, -3),
            5: graph.tensors[1],
            6: graphs.activation("result", (1, 4, 4, 3), 4.0, 5),
        },
        nodes=(*graph.nodes, again),
        inputs=(0, 4),
        outputs=(3, 6),
    )
    one, two = program(graph), program(twice)
    assert two.weight_bytes == one.weight_bytes
    assert [array.name for array in two.consts] == [array.name for array in one.consts]
    assert two.layers[0].params[0].fields == two.layers[1].params[0].fields


def test_layer_comment_says_what_the_layer_does() -> None:
    layer = program(graphs.conv()).layers[0]
    assert layer.title == 'CONV_2D "conv"'
    assert layer.detail[0] == "int8 [1, 4, 4, 2] -> int8 [1, 4, 4, 3], fused RELU"
    assert layer.kernel in layer.detail[1] and "864 MAC" in layer.detail[1]


def test_model_id_follows_file_name_and_plan() -> None:
    same = [program(graphs.conv()).model_id for _ in range(2)]
    assert same[0] == same[1] and re.fullmatch("[0-9a-f]{16}", same[0])
    others = [
        program(graphs.conv(), replace(SOURCE, sha256="1" * 64)),
        program(graphs.conv("other")),
        program(graphs.branches("tiny")),
    ]
    assert len({same[0], *(other.model_id for other in others)}) == 4


def test_selftest_is_what_numpy_computes() -> None:
    graph = graphs.branches()
    test = program(graph).selftest

    def values(lines: tuple[str, ...]) -> list[int]:
        return [int(value) for line in lines for value in line.split(",")]

    inputs = [
        np.array(values(array.lines), np.int8).reshape(graph.tensors[i].shape)
        for array, i in zip(test.inputs, graph.inputs, strict=True)
    ]
    for output, expected in zip(test.outputs, interpret.outputs(graph, inputs), strict=True):
        assert not output.tolerance and values(output.array.lines) == expected.ravel().tolist()


def test_arena_map_covers_the_arena() -> None:
    lowered = program(graphs.branches())
    assert max(row.end for row in lowered.arena) == lowered.arena_bytes
    assert {row.first for row in lowered.arena} == {-1, 0, 1}
    assert lowered.arena_bound <= lowered.arena_bytes
