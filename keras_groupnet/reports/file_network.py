"""The ops of a `.tflite` file as a `Network`, to draw a file whose Keras model is not there."""

from __future__ import annotations

import re

from keras_groupnet.conversion.flatbuffer.op import ABSENT
from keras_groupnet.drawing.network import (
    BINARY,
    FLOAT,
    INPUT,
    JOIN,
    LIGHT,
    Network,
    Node,
)
from keras_groupnet.reports.file_contents import FileContents, FileOp

_JOINS = {"ADD": "+", "SUB": "−", "MUL": "×", "CONCATENATION": "concat"}
_TEXTS = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "dw conv",
    "FULLY_CONNECTED": "dense",
    "KgnConv2D": "conv",
    "KgnDense": "dense",
    "LceBconv2d": "conv",
    "KgnQuantize": "quantize",
    "LceQuantize": "sign",
    "KgnMaxPool2D": "max pool",
    "MAX_POOL_2D": "max pool",
    "AVERAGE_POOL_2D": "mean pool",
    "MEAN": "mean",
}
_SCALE = "KgnScaleMap"
_STRIDES = (("stride_height", "strideH"), ("stride_width", "strideW"))
_LONGEST_NAME = 32


def file_network(contents: FileContents, name: str) -> Network:
    """One node for each op.

    Args:
        contents: of the file.
        name: to stand above the drawing.
    """
    graph = contents.graph
    made: dict[int, Node] = {}
    nodes: list[Node] = []
    for tensor in graph.inputs:
        node = Node(_short(graph.name(tensor)), "input", INPUT, shape=graph.shape(tensor)[1:])
        nodes.append(node)
        made[tensor] = node
    for one in contents.ops:
        if one.kind == _SCALE:
            continue  # part of the convolutions that read it, no branch
        reads = tuple(dict.fromkeys(made[tensor] for tensor in one.op.inputs if tensor in made))
        node = _node(contents, one, reads)
        nodes.append(node)
        made |= {tensor: node for tensor in one.op.outputs if tensor != ABSENT}
    return Network(name, nodes)


def _node(contents: FileContents, one: FileOp, reads: tuple[Node, ...]) -> Node:
    text = _TEXTS.get(one.kind, one.kind.removeprefix("Kgn").removeprefix("Lce").lower())
    kind, shape = LIGHT, one.output_shape
    if one.bits:
        kind = BINARY if one.bits.startswith("W1") else FLOAT
        weights = contents.graph.shape(one.op.inputs[1])
        shape = (*shape[:-1], one.channels)
        if len(weights) == 4:
            text = f"{text} {weights[1]}×{weights[2]},"
        text = f"{text} {one.channels}{_stride(one)}"
    elif len(reads) > 1:
        kind, text = JOIN, _JOINS.get(one.kind, text)
    bits = "float" if one.bits == "float32" else one.bits
    return Node(_short(one.name), text, kind, bits, shape, reads)


def _stride(one: FileOp) -> str:
    builtin = getattr(one.op.source, "builtinOptions", None)
    height, width = (
        one.op.options.get(ours, getattr(builtin, theirs, 1)) for ours, theirs in _STRIDES
    )
    if height == width:
        return f" /{height}" if height > 1 else ""
    return f" /{height}×{width}"


def _short(name: str) -> str:
    """The first of several names, without the scopes in front if it is long."""
    name = re.split(r"[;]", name)[0]
    while len(name) > _LONGEST_NAME and "/" in name:
        name = name.partition("/")[2]
    return name[:_LONGEST_NAME]
