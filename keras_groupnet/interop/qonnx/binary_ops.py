"""Our ops: their quantizers as BipolarQuant and Quant, their sums as Conv and MatMul of ±1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    ADDEND_MULTIPLIER,
    BIAS,
    MULTIPLIER,
    OFFSET,
    PIXEL_SCALE,
    QUANTIZE_BIAS,
    QUANTIZE_MULTIPLIER,
    SECOND_ADDEND,
    SLOPE,
)
from keras_groupnet.conversion.weights.bitpack import unpack_kernel
from keras_groupnet.conversion.weights.packed_kernel import WEIGHTS, packed_kernel
from keras_groupnet.interop.qonnx.writer import Node, channels_first
from keras_groupnet.interop.window import Window, window_of


def conv_attributes(
    window: Window, source: tuple[int, ...], target: tuple[int, ...]
) -> dict[str, Any]:
    """The attributes of Conv and the pools, from shapes as in the file."""
    (top, bottom), (left, right) = window.pads(source[1:3], target[1:3])
    return {
        "kernel_shape": list(window.kernel),
        "strides": list(window.strides),
        "dilations": list(window.dilation),
        "pads": [top, left, bottom, right],
    }


def _conv2d(node: Node) -> None:
    writer, options = node.writer, node.op.options
    packed = packed_kernel(writer.static.graph, node.op)
    channels, groups = options["channels_in"], options["groups"]
    signs = unpack_kernel(packed, channels // groups).transpose(3, 2, 0, 1)
    window = window_of(node.op, packed.shape[1:3])
    source = (*node.shape(0)[:3], channels)
    target = (*node.out_shape()[:3], len(signs))
    attributes = conv_attributes(window, source, target)
    value = node.input(0)
    if options["pad_value"] and any(attributes["pads"]):
        top, left, bottom, right = attributes.pop("pads")
        edges = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
        pad = writer.constant("pads", edges)
        constant = writer.constant("pad_value", np.float32(options["pad_value"]))
        batch, height, width, _ = source
        padded = (batch, channels, height + top + bottom, width + left + right)
        value = writer.node("Pad", [value, pad, constant], padded)
    weights = _weights(node, signs)
    shape = channels_first(target)
    value = writer.node("Conv", [value, weights], shape, group=groups, **attributes)
    _epilogue(node, value, 1)


def _dense(node: Node) -> None:
    packed = node.writer.static.graph.value(node.op.inputs[WEIGHTS])
    signs = unpack_kernel(packed, node.op.options["channels_in"])
    shape = (node.shape(0)[0], signs.shape[1])
    value = node.writer.node("MatMul", [node.input(0), _weights(node, signs)], shape)
    _epilogue(node, value, 1)


def _weights(node: Node, signs: np.ndarray) -> str:
    """±1, and a quantizer that says so."""
    writer = node.writer
    name = writer.static.graph.name(node.op.inputs[WEIGHTS])
    return writer.quantized(writer.constant(name, signs), 1, 1.0, f"{name}/quantized")


def _epilogue(node: Node, value: str, axis: int) -> None:
    """The epilogue of docs/ops.md, step by step."""
    writer, options = node.writer, node.op.options
    shape = writer.shapes[value]
    if options["pre_activation"]:
        value = writer.node("Relu", [value], shape)
    if node.has(PIXEL_SCALE):
        value = writer.node("Mul", [value, node.input(PIXEL_SCALE)], shape)
    multiplier, bias = node.value(MULTIPLIER, "the multiplier"), node.value(BIAS, "the bias")
    value = writer.affine(value, multiplier, bias, axis)
    if options["activation"] == 1:
        value = writer.node("Relu", [value], shape)
    if options["activation"] == 2:
        value = _activated(node, value, axis)
    if node.has(ADDEND):
        addend = node.input(ADDEND)
        if node.has(ADDEND_MULTIPLIER):
            factor = node.value(ADDEND_MULTIPLIER, "the addend's multiplier")
            addend = writer.affine(addend, factor, np.zeros_like(factor), axis)
        value = writer.node("Add", [value, addend], shape)
    if node.has(SECOND_ADDEND):
        value = writer.node("Add", [value, node.input(SECOND_ADDEND)], shape)
    if options["activation"] == 3:
        value = _activated(node, value, axis)
    if options["float_output"]:
        node.give(value)
    if not options["out_bits"]:
        return
    if node.has(QUANTIZE_MULTIPLIER):
        multiplier = node.value(QUANTIZE_MULTIPLIER, "the quantizer's multiplier")
        value = writer.affine(value, multiplier, node.value(QUANTIZE_BIAS, "its bias"), axis)
    last = len(node.op.outputs) - 1
    name = node.title(last)
    node.give(writer.quantized(value, options["out_bits"], options["out_scale"], name), last)


def _activated(node: Node, value: str, axis: int) -> str:
    """`act` of docs/ops.md: slope, limits, offset."""
    writer, options = node.writer, node.op.options
    shape = writer.shapes[value]
    if node.has(SLOPE):
        slope = node.value(SLOPE, "the slope").reshape([-1] + [1] * (len(shape) - 1 - axis))
        value = writer.node("PRelu", [value, writer.constant("slope", slope)], shape)
    limits = [np.float32(options[f"activation_{side}"]) for side in ("min", "max")]
    if np.isfinite(limits).any():
        names = [writer.constant("limit", limit) for limit in limits]
        value = writer.node("Clip", [value, *names], shape)
    if node.has(OFFSET):
        offset = node.value(OFFSET, "the offset")
        value = writer.affine(value, np.ones_like(offset), offset, axis)
    return value


def _quantize(node: Node) -> None:
    value, options = _normalized(node), node.op.options
    node.give(node.writer.quantized(value, options["bits"], options["scale"], node.title()))


def _normalized(node: Node) -> str:
    """The input, multiplied and shifted channel by channel if the op has that."""
    value = node.input(0)
    if not node.has(1):
        return value
    axis = 1 if len(node.shape(0)) == 4 else len(node.shape(0)) - 1
    factor, offset = node.value(1, "the multiplier"), node.value(2, "the bias")
    return node.writer.affine(value, factor, offset, axis)


def _dequantize(node: Node) -> None:
    """Codes times their step; ±1 are numbers already."""
    value, scale = node.input(0), node.op.options["scale"]
    if scale != 1:
        step = node.writer.constant("step", np.float32(scale))
        value = node.writer.node("Mul", [value, step], node.writer.shapes[value])
    node.give(value)


def _max_pool(node: Node) -> None:
    options = node.op.options
    window = window_of(node.op, (options["filter_height"], options["filter_width"]))
    channels = options["channels"]
    source = (*node.shape(0)[:3], channels)
    target = (*node.out_shape()[:3], channels)
    attributes = conv_attributes(window, source, target)
    shape = channels_first(target)
    writer, value = node.writer, node.input(0)
    if not node.has(1):
        node.give(writer.node("MaxPool", [value], shape, name=node.title(), **attributes))
        return
    # The smallest value is minus the largest of the negated ones.
    sign = writer.constant(
        "sign", unpack_kernel(node.value(1, "the signs")[None], channels)[..., None]
    )
    value = writer.node("Mul", [value, sign], writer.shapes[value])
    value = writer.node("MaxPool", [value], shape, **attributes)
    node.give(writer.node("Mul", [value, sign], shape, name=node.title()))


def _scale_map(node: Node) -> None:
    """Mean of the magnitudes over the channels, then over the window."""
    writer, options = node.writer, node.op.options
    window = window_of(node.op, (options["kernel_height"], options["kernel_width"]))
    source, target = node.shape(0), node.out_shape()
    value = _normalized(node)
    value = writer.node("Abs", [value], writer.shapes[value])
    batch, height, width, _ = source
    value = writer.node("ReduceMean", [value], (batch, 1, height, width), axes=[1], keepdims=1)
    share = np.full((1, 1, *window.kernel), 1 / np.prod(window.kernel), np.float32)
    weights = writer.constant("box", share)
    attributes = conv_attributes(window, source, target)
    shape = channels_first(target)
    node.give(writer.node("Conv", [value, weights], shape, name=node.title(), **attributes))


GENERATORS: dict[str, Callable[[Node], None]] = {
    "KgnConv2D": _conv2d,
    "KgnDense": _dense,
    "KgnDequantize": _dequantize,
    "KgnMaxPool2D": _max_pool,
    "KgnQuantize": _quantize,
    "KgnScaleMap": _scale_map,
}
