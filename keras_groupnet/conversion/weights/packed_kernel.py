"""The binary weights of a kernel op in a file, however they are stored."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.epilogue import MULTIPLIER
from keras_groupnet.conversion.weights.huffman import decode
from keras_groupnet.conversion.weights.kernel_symbols import packed_of

WEIGHTS = 1


def packed_kernel(graph: Graph, op: Op) -> np.ndarray:
    """The packed weights of a kernel op, restored if they are compressed.

    Raises:
        ValueError: they cannot be restored.
    """
    weights = graph.value(op.inputs[WEIGHTS])
    if not op.options.get("compression"):
        return weights
    outputs = len(graph.value(op.inputs[MULTIPLIER]))
    depth = op.options["channels_in"] // op.options["groups"]
    return packed_of(decode(weights, outputs * depth), outputs)
