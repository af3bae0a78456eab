"""Equal KgnQuantize ops on one tensor → one, so that K bases pack their input once."""

from __future__ import annotations

from keras_groupnet.conversion.flatbuffer.graph import Graph


def run(graph: Graph) -> bool:
    """Merges quantizers and dequantizers that have the same inputs and options."""
    first: dict[tuple, int] = {}
    changed = False
    for op in graph.of_kind("KgnQuantize", "KgnDequantize"):
        key = (op.kind, tuple(op.inputs), tuple(sorted(op.options.items())))
        kept = first.setdefault(key, op.outputs[0])
        if kept != op.outputs[0] and op.outputs[0] not in graph.outputs:
            graph.replace_tensor(op.outputs[0], kept)
            graph.remove(op)
            changed = True
    return changed
