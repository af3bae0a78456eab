"""Batch norm in front of KgnQuantize and KgnScaleMap → their multiplier and bias."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS, is_float_only
from keras_groupnet.conversion.passes.fold_sums import is_affine, read
from keras_groupnet.conversion.passes.skip_activation import ignores_fused

_TAKES_BATCH_NORM = ("KgnQuantize", "KgnScaleMap")


def run(graph: Graph) -> bool:
    """Folds chains of MUL and ADD by constants on a single tensor.

    An activation fused into the chain's end goes if no quantizer behind it can notice it. If others
    read the chain, too, it stays for them; the quantizer passes it by only if a kernel op is there
    to take it (`pack_outputs`).
    """
    changed = False
    for producer in graph.of_kind("MUL", "ADD"):
        if producer not in graph:
            continue
        target = producer.outputs[0]
        readers = graph.consumers(target)
        takers = [op for op in readers if _can_take(op, producer.fused_activation)]
        if not is_affine(graph, producer) or not takers:
            continue
        expression = read(graph, producer)
        if len(expression.terms) != 1:
            continue
        ((tensor, coefficient),) = expression.terms.items()
        stays = len(takers) < len(readers) or target in graph.outputs
        if stays and not _is_float_of_kernel_op(graph, tensor):
            continue
        channels = graph.shape(tensor)[-1]
        name = graph.name(target)
        values = [
            graph.add_constant(np.broadcast_to(v, (channels,)).astype(np.float32), f"{name}/{what}")
            for v, what in ((coefficient, "multiplier"), (expression.offset, "bias"))
        ]
        for op in takers:
            op.inputs = [tensor, *values]
        changed = True
    return changed


def _is_float_of_kernel_op(graph: Graph, tensor: int) -> bool:
    op = graph.producer(tensor)
    return op is not None and op.kind in KERNEL_OPS and is_float_only(op)


def _can_take(op: Op, activation: int) -> bool:
    if op.kind not in _TAKES_BATCH_NORM or len(op.inputs) > 1:
        return False
    return activation == 0 or (op.kind == "KgnQuantize" and ignores_fused(op, activation))
