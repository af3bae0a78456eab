"""Batch norm in front of KgnQuantize → its multiplier and bias."""

from __future__ import annotations

import numpy as np

from ..graph import Graph
from .fold_sums import is_affine, read


def run(graph: Graph) -> bool:
    """Folds private chains of MUL and ADD by constants on a single tensor."""
    changed = False
    for op in graph.of_kind("KgnQuantize"):
        producer = graph.producer(op.inputs[0])
        if len(op.inputs) > 1 or producer is None or not is_affine(graph, producer):
            continue
        if producer.fused_activation:
            continue
        if graph.only_consumer(op.inputs[0]) is None:
            continue
        expression = read(graph, producer)
        if len(expression.terms) != 1:
            continue
        ((tensor, coefficient),) = expression.terms.items()
        channels = graph.shape(tensor)[-1]
        name = graph.name(op.inputs[0])
        values = [
            graph.add_constant(np.broadcast_to(v, (channels,)).astype(np.float32), f"{name}/{what}")
            for v, what in ((coefficient, "multiplier"), (expression.offset, "bias"))
        ]
        op.inputs = [tensor, *values]
        changed = True
    return changed
