"""RELU behind a kernel op → its epilogue."""

from __future__ import annotations

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    KERNEL_OPS,
    commutes_with_relu,
    is_float_only,
    is_plain,
)


def run(graph: Graph) -> bool:
    """Folds RELU as pre_activation where y = multiplier * acc, else as activation.

    `relu(multiplier * v) = multiplier * relu(v)` for multiplier >= 0 (and a pixel_scale >= 0); the
    second form leaves the bias free for a batch norm that follows.
    """
    changed = False
    for op in graph.of_kind(*KERNEL_OPS):
        reader = graph.only_consumer(op.outputs[0])
        if reader is None or reader.kind != "RELU" or not is_float_only(op):
            continue
        if is_plain(graph, op) and commutes_with_relu(graph, op):
            op.options["pre_activation"] = 1
        elif op.input(ADDEND) == ABSENT:
            op.options["activation"] = 1
        else:
            continue
        graph.remove(reader)
        op.outputs = reader.outputs
        changed = True
    return changed
