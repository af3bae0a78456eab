"""The option `origin` of our ops → names of tensors, by which an op is told from then on."""

from __future__ import annotations

from keras_groupnet.conversion.flatbuffer.graph import Graph

_WEIGHTS = 1


def run(graph: Graph) -> bool:
    """Takes the option out and names what each op holds or writes, see `export.origin`."""
    changed = False
    for op in graph.ops:
        origin = op.options.pop("origin", None)
        if origin is None:
            continue
        if op.kind in ("KgnConv2D", "KgnDense"):
            # A tensor of its own: layers with equal weights share one so far.
            op.set_input(_WEIGHTS, graph.add_constant(graph.value(op.inputs[_WEIGHTS]), origin))
        else:
            graph.tensors[op.outputs[0]].name = origin.encode()
        changed = True
    return changed
