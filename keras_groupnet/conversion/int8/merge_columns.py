"""Pairs of columns as channels, for int8 convolutions of few channels and stride 2 (a stem).

XNNPACK's int8 kernels take channels in blocks of 8, or of 4 (ARM's dot products), so of 3 channels
most is padding. Two neighbouring columns of `[N, H, W, C]` lie side by side in memory: read as
`[N, H, W / 2, 2C]`, a convolution of width k and stride 2 becomes one of about half the width and
stride 1, with the same products and sums. A 7×7 stem takes 49 · 8 products for each output, padding
included; 28 · 8 are left.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.int8.scheme import WEIGHTS


def merge_columns(graph: Graph, op: Op) -> bool:
    """Merges pairs of columns where that saves products; the op's results stay the same.

    Args:
        graph: where the op is; it is changed.
        op: one of `int8_scheme.quantizable_ops`, still float.

    Returns:
        Whether the op has changed.
    """
    if op.kind != "CONV_2D" or not _fits(graph, op):
        return False
    source, options = op.inputs[0], op.source.builtinOptions
    batch, height, width, channels = graph.shape(source)
    kernel = graph.value(op.inputs[WEIGHTS])
    padded = _padded(kernel, options.padding == schema.Padding.SAME)
    if not _saves(kernel.shape[2], padded.shape[2] // 2, channels):
        return False
    shape = (batch, height, width // 2, 2 * channels)
    pairs = graph.add_tensor(shape, np.float32, graph.name(source) + "/pairs")
    signature = graph.tensors[source].shapeSignature
    if signature is not None:
        graph.tensors[pairs].shapeSignature = np.asarray([signature[0], *shape[1:]], np.int32)
    reshape = graph.plain("RESHAPE", source, pairs)
    name = graph.name(pairs) + "/shape"
    reshape.set_input(1, graph.add_constant(np.asarray([-1, *shape[1:]], np.int32), name))
    graph.append(reshape)
    outputs, rows, columns, _ = padded.shape
    merged = padded.reshape(outputs, rows, columns // 2, 2 * channels)
    op.set_input(0, pairs)
    op.set_input(WEIGHTS, graph.add_constant(merged, graph.name(op.inputs[WEIGHTS])))
    options.strideW = 1
    return True


def _fits(graph: Graph, op: Op) -> bool:
    """Stride 2 over an even width that the file names, without groups or dilation in it."""
    source, options = op.inputs[0], op.source.builtinOptions
    signature = graph.tensors[source].shapeSignature
    return (
        (signature is None or all(extent > 0 for extent in signature[1:]))
        and options.strideW == 2
        and options.dilationWFactor == 1
        and graph.shape(source)[2] % 2 == 0
        and graph.shape(op.inputs[WEIGHTS])[3] == graph.shape(source)[3]
    )


def _padded(kernel: np.ndarray, same: bool) -> np.ndarray:
    """The kernel with zero columns, so that it begins and ends between two pairs.

    SAME puts ⌊(k − 2) / 2⌋ columns of zeros to the left of an even width; where that is odd, a
    pair begins one column earlier. SAME for the new width then pads just the pairs needed.
    """
    width = kernel.shape[2]
    front = max(width - 2, 0) // 2 % 2 if same else 0
    back = (front + width) % 2
    return np.pad(kernel, ((0, 0), (0, 0), (front, back), (0, 0)))


def _saves(before: int, after: int, channels: int) -> bool:
    """Whether kernels of 8 channels win and those of 4 lose next to nothing.

    Args:
        before: width of the kernel.
        after: width over pairs.
        channels: before merging.
    """

    def products(width: int, count: int, block: int) -> int:
        return width * -(-count // block) * block

    ratios = [
        products(after, 2 * channels, block) / products(before, channels, block) for block in (8, 4)
    ]
    return ratios[0] < 1 and ratios[1] < 1.15
