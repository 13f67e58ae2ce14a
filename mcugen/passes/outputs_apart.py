"""Give an output memory of its own where it would lie in that of something else.

The state is nobody's to read between two inferences, so an output that lies in it is moved out. And
where the caller hands over memory for every output, no output may lie in an input, in another
output, or be a stretch of something larger.
"""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Graph, Io, Node
from mcugen.lifetimes import extents_of, places_of


def outputs_apart(graph: Graph) -> Graph:
    """Add a MOVE in front of each output that needs one."""
    places = places_of(graph)
    extents = extents_of(graph, places)
    taken = set(graph.variables)
    if graph.io is Io.CALLER:
        taken.update(graph.inputs)
    for position, output in enumerate(graph.outputs):
        root, _ = places[output]
        is_whole = extents[root].bytes == graph.tensors[output].bytes
        if root in taken or (graph.io is Io.CALLER and not is_whole):
            graph = _moved(graph, position)
        elif graph.io is Io.CALLER:
            taken.add(root)
    return graph


def _moved(graph: Graph, position: int) -> Graph:
    """A MOVE to where the output may lie. It keeps its id, which a file's tensor has, if it can.

    What else reads the output reads what is moved: another output may be an alias of it.
    """
    output, new = graph.outputs[position], graph.fresh_id()
    producer = graph.producer(output)
    stays = producer is None or output in graph.outputs[:position]
    source, target = (output, new) if stays else (new, output)
    index = -1 if producer is None else producer.index
    move = Node("move", graph.tensors[output].name, (source,), (target,), None, index)
    nodes = [move] if producer is None else []
    for node in graph.nodes:
        inputs = tuple(source if t == output else t for t in node.inputs)
        if node is producer:
            outputs = tuple(source if t == output else t for t in node.outputs)
            nodes += [replace(node, outputs=outputs), move]
        else:
            nodes.append(replace(node, inputs=inputs))
    return graph.with_(
        tensors={**graph.tensors, new: replace(graph.tensors[output], variable=False)},
        nodes=tuple(nodes),
        outputs=tuple(target if k == position else t for k, t in enumerate(graph.outputs)),
    )
