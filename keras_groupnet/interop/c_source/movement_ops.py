"""Ops that only move values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT
from keras_groupnet.interop.c_source.code import Code, Generator
from keras_groupnet.interop.c_source.literals import real
from keras_groupnet.interop.c_source.loops import broadcast_strides, elementwise, strides
from keras_groupnet.interop.strided_slice import axis_ranges

_COPY = ["{0} = {1};"]
ALIASES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")  # the same values in the same order


def copy(
    extents: Sequence[int],
    target: tuple[str, Sequence[int], int],
    source: tuple[str, Sequence[int], int],
) -> list[str]:
    """Copies elements; arrays as `loops.elementwise` takes them."""
    return elementwise(extents, [target, source], _COPY)


def _alias(code: Code) -> list[str]:
    """A copy, where the result may not lie in the place of the input."""
    shape = code.out_shape()
    dense = strides(shape)
    return copy(shape, (code.output(), dense, 0), (code.input(0), dense, 0))


def _pad(code: Code) -> list[str]:
    edges = code.value(1, "the padding")
    value = "0"
    if code.op.input(2) != ABSENT:
        constant = code.value(2, "the value of the padding").ravel()[0]
        value = real(constant) if constant.dtype == np.float32 else str(int(constant))
    target, source = code.out_shape(), code.shape(0)
    steps = strides(target)
    if (edges < 0).any():
        raise code.refusal("negative padding")
    first = int(np.dot(edges[:, 0], steps))
    return [
        *elementwise(target, [(code.output(), steps, 0)], [f"{{0}} = {value};"]),
        *copy(source, (code.output(), steps, first), (code.input(0), strides(source), 0)),
    ]


def _mirror_pad(code: Code) -> list[str]:
    """Each axis is three loops: before, inside and after, all of them affine."""
    edges = code.value(1, "the padding")
    skip = 0 if code.option("mode") else 1  # SYMMETRIC repeats the edge
    target, source = code.out_shape(), code.shape(0)
    parts: list[list[tuple[int, int, int, int]]] = [[]]  # (extent, target, source, direction)
    for (before, after), size in zip(edges.tolist(), source, strict=True):
        pieces = [
            (before, 0, before - 1 + skip, -1),
            (size, before, 0, 1),
            (after, before + size, size - 1 - skip, -1),
        ]
        parts = [[*one, piece] for one in parts for piece in pieces if piece[0]]
    lines = []
    into, outof = strides(target), strides(source)
    for part in parts:
        extents, at, read, direction = zip(*part, strict=True)
        steps = [step * sign for step, sign in zip(outof, direction, strict=True)]
        lines += copy(
            extents,
            (code.output(), into, int(np.dot(at, into))),
            (code.input(0), steps, int(np.dot(read, outof))),
        )
    return lines


def _concatenation(code: Code) -> list[str]:
    shape = code.out_shape()
    axis = code.option("axis") % len(shape)
    steps = strides(shape)
    low, high = code.limits()
    if (low, high) != (-np.inf, np.inf):
        raise code.refusal("an activation")
    lines, first = [], 0
    for position in range(len(code.op.inputs)):
        own = code.shape(position)
        source = (code.input(position), strides(own), 0)
        lines += copy(own, (code.output(), steps, first), source)
        first += own[axis] * steps[axis]
    return lines


def _pack(code: Code) -> list[str]:
    shape = code.out_shape()
    axis = code.option("axis") % len(shape)
    steps = strides(shape)
    own = code.shape(0)
    target = [step for i, step in enumerate(steps) if i != axis]
    lines = []
    for position in range(len(code.op.inputs)):
        source = (code.input(position), strides(own), 0)
        lines += copy(own, (code.output(), target, position * steps[axis]), source)
    return lines


def _unpack(code: Code) -> list[str]:
    own, shape = code.shape(0), code.out_shape()
    axis = code.option("axis") % len(own)
    steps = strides(own)
    source = [step for i, step in enumerate(steps) if i != axis]
    lines = []
    for position in range(len(code.op.outputs)):
        target = (code.output(position), strides(shape), 0)
        lines += copy(shape, target, (code.input(0), source, position * steps[axis]))
    return lines


def _split(code: Code, axis: int) -> list[str]:
    own = code.shape(position := code.op.inputs.index(_data(code)))
    steps = strides(own)
    axis %= len(own)
    lines, first = [], 0
    for number in range(len(code.op.outputs)):
        shape = code.out_shape(number)
        target = (code.output(number), strides(shape), 0)
        lines += copy(shape, target, (code.input(position), steps, first))
        first += shape[axis] * steps[axis]
    return lines


def _data(code: Code) -> int:
    """The input that is split: SPLIT has its axis in front of it, SPLIT_V behind."""
    return code.op.inputs[1 if code.op.kind == "SPLIT" else 0]


def _split_even(code: Code) -> list[str]:
    return _split(code, int(code.value(0, "the axis").ravel()[0]))


def _split_sizes(code: Code) -> list[str]:
    return _split(code, int(code.value(2, "the axis").ravel()[0]))


def _transpose(code: Code) -> list[str]:
    order = code.value(1, "the order of the axes").tolist()
    shape, steps = code.out_shape(), strides(code.shape(0))
    source = (code.input(0), [steps[axis] for axis in order], 0)
    return copy(shape, (code.output(), strides(shape), 0), source)


def _slice(code: Code) -> list[str]:
    begin = code.value(1, "where the slice begins")
    shape, steps = code.out_shape(), strides(code.shape(0))
    source = (code.input(0), steps, int(np.dot(begin, steps)))
    return copy(shape, (code.output(), strides(shape), 0), source)


def _strided_slice(code: Code) -> list[str]:
    begin, end, by = (code.value(i, "the bounds of the slice").tolist() for i in (1, 2, 3))
    own = code.shape(0)
    options = code.op.source.builtinOptions
    if options.newAxisMask or options.ellipsisMask:
        raise code.refusal("new axes or an ellipsis")
    extents, source, first = [], [], 0
    spans = axis_ranges(options, begin, end, by, own)
    for span, step in zip(spans, strides(own), strict=True):
        if isinstance(span, int):
            first += span * step
            continue
        extents.append(len(span))
        source.append(step * span.step)
        first += span.start * step
    target = (code.output(), strides(extents), 0)
    return copy(extents, target, (code.input(0), source, first))


def _blocks(code: Code) -> tuple[list[int], list[int], list[int]]:
    """Loops over blocks, and the strides of the map with pixels and of the one with channels.

    Channel `(row * block + column) * depth + c` of the small map is channel c of the pixel at
    (row, column) of a block of the large one.
    """
    block = code.option("blockSize")
    deep = code.op.kind == "DEPTH_TO_SPACE"
    small, large = (code.shape(0), code.out_shape())[:: 1 if deep else -1]
    batch, height, width, channels = small
    depth = large[-1]
    n, y, x, c = strides(large)
    extents = [batch, height, block, width, block, depth]
    pixels = [n, y * block, y, x * block, x, c]
    n, y, x, c = strides(small)
    return extents, pixels, [n, y, block * depth, x, depth, c]


def _depth_to_space(code: Code) -> list[str]:
    extents, pixels, channels = _blocks(code)
    return copy(extents, (code.output(), pixels, 0), (code.input(0), channels, 0))


def _space_to_depth(code: Code) -> list[str]:
    extents, pixels, channels = _blocks(code)
    return copy(extents, (code.output(), channels, 0), (code.input(0), pixels, 0))


def _tile(code: Code) -> list[str]:
    own, shape = code.shape(0), code.out_shape()
    extents: list[int] = []
    target: list[int] = []
    source: list[int] = []
    for size, total, into, outof in zip(own, shape, strides(shape), strides(own), strict=True):
        extents += [total // size, size]
        target += [into * size, into]
        source += [0, outof]
    return copy(extents, (code.output(), target, 0), (code.input(0), source, 0))


def _broadcast_to(code: Code) -> list[str]:
    shape = code.out_shape()
    source = (code.input(0), broadcast_strides(code.shape(0), shape), 0)
    return copy(shape, (code.output(), strides(shape), 0), source)


def _reverse(code: Code) -> list[str]:
    axes = {int(axis) % len(code.shape(0)) for axis in code.value(1, "the axes").ravel()}
    shape = code.out_shape()
    steps = strides(shape)
    source = [-step if axis in axes else step for axis, step in enumerate(steps)]
    first = sum((shape[axis] - 1) * steps[axis] for axis in axes)
    return copy(shape, (code.output(), steps, 0), (code.input(0), source, first))


GENERATORS: dict[str, Generator] = {
    **dict.fromkeys(ALIASES, _alias),
    "BROADCAST_TO": _broadcast_to,
    "CONCATENATION": _concatenation,
    "DEPTH_TO_SPACE": _depth_to_space,
    "MIRROR_PAD": _mirror_pad,
    "PACK": _pack,
    "PAD": _pad,
    "PADV2": _pad,
    "REVERSE_V2": _reverse,
    "SLICE": _slice,
    "SPACE_TO_DEPTH": _space_to_depth,
    "SPLIT": _split_even,
    "SPLIT_V": _split_sizes,
    "STRIDED_SLICE": _strided_slice,
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
