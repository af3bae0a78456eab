"""Ops that only move values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from keras_groupnet.interop.qonnx.writer import Node, channels_first, onnx_axis
from keras_groupnet.interop.strided_slice import axis_ranges


def _reshape(node: Node) -> None:
    """The order of the values is the file's."""
    writer = node.writer
    value = writer.reshape(writer.as_in_file(node.op.inputs[0]), node.out_shape())
    node.give(writer.from_file(value))


def _transpose(node: Node) -> None:
    writer = node.writer
    order = [int(axis) for axis in node.value(1, "the order of the axes")]
    node.give(writer.from_file(writer.transpose(writer.as_in_file(node.op.inputs[0]), order)))


def _pad(node: Node) -> None:
    writer, rank = node.writer, len(node.shape(0))
    edges = node.value(1, "the padding").astype(np.int64)
    order = [onnx_axis(axis, rank) for axis in range(rank)]
    edges = edges[np.argsort(order)]
    value = node.value(2, "the value of the padding").ravel()[0] if node.has(2) else 0
    inputs = [
        node.input(0),
        writer.constant("pads", edges.T.ravel()),
        writer.constant("pad_value", np.float32(value)),
    ]
    node.give(writer.node("Pad", inputs, channels_first(node.out_shape()), name=node.title()))


def _concatenation(node: Node) -> None:
    rank = len(node.out_shape())
    axis = onnx_axis(node.option("axis"), rank)
    inputs = [node.input(position) for position in range(len(node.op.inputs))]
    shape = channels_first(node.out_shape())
    made = node.writer.node("Concat", inputs, shape, name=node.title(), axis=axis)
    node.give(node.activated(made))


def _pack(node: Node) -> None:
    """Each input gets the new axis, then they are joined along it."""
    writer, shape = node.writer, node.out_shape()
    axis = node.option("axis") % len(shape)
    one = [*shape[:axis], 1, *shape[axis + 1 :]]
    parts = [writer.reshape(writer.as_in_file(tensor), one) for tensor in node.op.inputs]
    node.give(writer.from_file(writer.node("Concat", parts, shape, axis=axis)))


def _strided_slice(node: Node) -> None:
    begin, end, by = (node.value(i, "the bounds of the slice").tolist() for i in (1, 2, 3))
    if node.options.newAxisMask or node.options.ellipsisMask:
        raise node.refusal("new axes or an ellipsis")
    spans = axis_ranges(node.options, begin, end, by, node.shape(0))
    _sliced(node, [range(s, s + 1) if isinstance(s, int) else s for s in spans])


def _slice(node: Node) -> None:
    begin = node.value(1, "where the slice begins").tolist()
    _sliced(node, [range(b, b + n) for b, n in zip(begin, node.out_shape(), strict=True)])


def _sliced(node: Node, spans: list[range]) -> None:
    writer = node.writer
    # A step backwards from 0 ends before the first one: no index but a very small one says so.
    stops = [-(2**31) if span.stop < 0 else span.stop for span in spans]
    bounds = [[span.start for span in spans], stops, list(range(len(spans)))]
    bounds.append([span.step for span in spans])
    names = [writer.constant("bounds", np.array(one, np.int64)) for one in bounds]
    shape = [len(span) for span in spans]
    value = writer.node("Slice", [writer.as_in_file(node.op.inputs[0]), *names], shape)
    node.give(writer.from_file(writer.reshape(value, node.out_shape())))


GENERATORS: dict[str, Callable[[Node], None]] = {
    **dict.fromkeys(("EXPAND_DIMS", "RESHAPE", "SQUEEZE"), _reshape),
    "CONCATENATION": _concatenation,
    "PACK": _pack,
    "PAD": _pad,
    "PADV2": _pad,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": _transpose,
}
