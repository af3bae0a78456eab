"""RESHAPE to a shape computed at run time → RESHAPE to a constant shape with one −1.

Keras' Flatten on a dynamic batch computes its shape with SHAPE, STRIDED_SLICE and PACK. That would
make every tensor behind it dynamic, and the runtime would prepare all later ops again in each
invocation.
"""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph


def run(graph: Graph) -> bool:
    """Fixes reshapes whose result has at most one unknown dimension."""
    changed = False
    for op in graph.of_kind("RESHAPE"):
        shape, signature = op.input(1), graph.tensors[op.outputs[0]].shapeSignature
        if shape == ABSENT or graph.producer(shape) is None or signature is None:
            continue
        if sum(int(n) < 0 for n in signature) <= 1:
            name = graph.name(shape) + "/constant"
            op.set_input(1, graph.add_constant(np.asarray(signature, np.int32), name))
            changed = True
    return changed
