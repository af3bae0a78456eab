"""MEAN of a batch norm over pixels → the batch norm of the MEAN, which is much smaller."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.fold_sums import Expression, is_affine, read


def run(graph: Graph) -> bool:
    """`mean(a · x + b) = a · mean(x) + b` for constants of each channel.

    A batch norm that a quantizer and a gate read (Real-to-Binary) thus becomes free for
    `fold_batch_norm`, and no float map is left of it.
    """
    changed = False
    for op in graph.of_kind("MEAN"):
        root = graph.producer(op.inputs[0])
        if root is None or not is_affine(graph, root) or root.fused_activation:
            continue
        axes, rank = graph.constant(op.inputs[1]), len(graph.shape(op.inputs[0]))
        if axes is None or not {int(axis) % rank for axis in axes.flat} <= set(range(1, rank - 1)):
            continue
        expression = read(graph, root)
        if len(expression.terms) == 1:
            _swap(graph, op, expression)
            changed = True
    return changed


def _swap(graph: Graph, op: Op, expression: Expression) -> None:
    ((tensor, coefficient),) = expression.terms.items()
    target = op.outputs[0]
    name, shape = graph.name(target), graph.shape(target)
    mean, scaled = (
        graph.add_tensor(shape, np.float32, f"{name}/{what}", target) for what in ("mean", "scaled")
    )
    factor, offset = (
        graph.add_constant(np.broadcast_to(value, shape[-1:]).astype(np.float32), f"{name}/{what}")
        for value, what in ((coefficient, "factor"), (expression.offset, "offset"))
    )
    op.set_input(0, tensor)
    op.outputs = [mean]
    graph.append(graph.elementwise("MUL", mean, factor, scaled))
    graph.append(graph.elementwise("ADD", scaled, offset, target))
