"""Float convolutions, dense layers, pools and reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_groupnet.interop.qonnx.binary_ops import conv_attributes
from keras_groupnet.interop.qonnx.writer import Node, channels_first, onnx_axis
from keras_groupnet.interop.window import window_of


def _conv2d(node: Node) -> None:
    """Weights [C_out, kh, kw, C_in / groups]."""
    kernel = node.value(1, "the kernel").transpose(0, 3, 1, 2)
    _convolution(node, kernel, node.shape(0)[-1] // kernel.shape[1])


def _depthwise_conv2d(node: Node) -> None:
    """Weights [1, kh, kw, C_in * multiplier]; as many groups as channels."""
    _convolution(node, node.value(1, "the kernel").transpose(3, 0, 1, 2), node.shape(0)[-1])


def _convolution(node: Node, kernel: np.ndarray, groups: int) -> None:
    writer = node.writer
    window = window_of(node.op, kernel.shape[2:])
    attributes = conv_attributes(window, node.shape(0), node.out_shape())
    inputs = [node.input(0), writer.constant(writer.static.graph.name(node.op.inputs[1]), kernel)]
    if node.has(2):
        inputs.append(node.input(2))
    shape = channels_first(node.out_shape())
    made = writer.node("Conv", inputs, shape, name=node.title(), group=groups, **attributes)
    node.give(node.activated(made))


def _fully_connected(node: Node) -> None:
    writer = node.writer
    kernel = node.value(1, "the kernel").T
    value = writer.as_in_file(node.op.inputs[0])
    *outer, depth = writer.shapes[value]
    if depth != len(kernel):
        rows = int(np.prod(writer.shapes[value])) // len(kernel)
        outer, value = [rows], writer.reshape(value, (rows, len(kernel)))
    weights = writer.constant(writer.static.graph.name(node.op.inputs[1]), kernel)
    shape = (*outer, kernel.shape[1])
    value = writer.node("MatMul", [value, weights], shape)
    if node.has(2):
        value = writer.affine(
            *(value, np.ones(1, np.float32), node.value(2, "the bias"), len(shape) - 1)
        )
    value = writer.reshape(node.activated(value), node.out_shape())
    node.give(writer.from_file(value))


def _pool(kind: str, **more: Any) -> Callable[[Node], None]:
    def generate(node: Node) -> None:
        window = window_of(node.op, (node.option("filterHeight"), node.option("filterWidth")))
        attributes = conv_attributes(window, node.shape(0), node.out_shape())
        if kind == "AveragePool":  # it has dilations from opset 19 on
            del attributes["dilations"]
        shape = channels_first(node.out_shape())
        made = node.writer.node(
            kind, [node.input(0)], shape, name=node.title(), **attributes, **more
        )
        node.give(node.activated(made))

    return generate


def _reduce(kind: str) -> Callable[[Node], None]:
    def generate(node: Node) -> None:
        rank = len(node.shape(0))
        writer = node.writer
        gone = sorted(int(axis) % rank for axis in node.value(1, "the axes").ravel())
        axes = sorted(onnx_axis(axis, rank) for axis in gone)
        kept = [1 if axis in gone else n for axis, n in enumerate(node.shape(0))]
        inputs = [node.input(0)]
        attributes: dict[str, Any] = {"axes": axes}
        if kind == "ReduceSum":  # the first whose axes became an input
            inputs, attributes = [*inputs, writer.constant("axes", np.array(axes, np.int64))], {}
        shape = channels_first(kept)
        value = writer.node(kind, inputs, shape, keepdims=1, **attributes)
        if len(node.out_shape()) < rank:  # the order of what is left is the file's
            if len(shape) == 4:
                value = writer.transpose(value, (0, 2, 3, 1))
            value = writer.from_file(writer.reshape(value, node.out_shape()))
        node.give(value)

    return generate


def _softmax(node: Node) -> None:
    if node.option("beta") != 1:
        raise node.refusal(f"beta={node.option('beta')}")
    rank = len(node.out_shape())
    shape, axis = channels_first(node.out_shape()), onnx_axis(rank - 1, rank)
    node.give(node.writer.node("Softmax", [node.input(0)], shape, name=node.title(), axis=axis))


GENERATORS: dict[str, Callable[[Node], None]] = {
    "AVERAGE_POOL_2D": _pool("AveragePool", count_include_pad=0),
    "CONV_2D": _conv2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv2d,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool("MaxPool"),
    "MEAN": _reduce("ReduceMean"),
    "REDUCE_MAX": _reduce("ReduceMax"),
    "REDUCE_MIN": _reduce("ReduceMin"),
    "SOFTMAX": _softmax,
    "SUM": _reduce("ReduceSum"),
}
