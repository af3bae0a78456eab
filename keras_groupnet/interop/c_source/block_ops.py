"""Blocks of pixels as entries of the batch and back: TensorFlow's way to dilate convolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from keras_groupnet.interop.c_source.code import Code, Generator
from keras_groupnet.interop.c_source.loops import nest, strides


def _position(axes: Sequence[str], shape: Sequence[int]) -> str:
    return " + ".join(f"{step} * ({axis})" for axis, step in zip(axes, strides(shape), strict=True))


def _entry(digits: Sequence[str], blocks: Sequence[int], batch: int, sample: str) -> str:
    """The entry of the batch that holds these pixels of the blocks, the first axis outermost."""
    number = " + ".join(
        f"{step} * ({digit})" for digit, step in zip(digits, strides(blocks), strict=True)
    )
    return f"({number}) * {batch} + {sample}"


def _space_to_batch(code: Code) -> list[str]:
    """out[b * N + n, y, x, c] = padded[n, y * block + b's row, x * block + b's column, c]."""
    blocks = code.value(1, "the blocks").tolist()
    pads = code.value(2, "the padding").tolist()
    source, target = code.shape(0), code.out_shape()
    axes = range(len(blocks))
    rest = len(source) - 1 - len(blocks)
    # Loops: pixels of a block, samples, pixels of the output, what is behind them.
    extents = [*blocks, source[0], *target[1:]]
    digits = [f"i{axis}" for axis in axes]
    sample, *inner = (f"i{len(blocks) + k}" for k in range(len(target)))
    tail = inner[len(inner) - rest :] if rest else []
    names = [f"p{axis}" for axis in axes]
    lines = [
        f"const int32_t {names[a]} = {inner[a]} * {blocks[a]} + {digits[a]} - {pads[a][0]};"
        for a in axes
    ]
    inside = " && ".join(f"{names[a]} >= 0 && {names[a]} < {source[1 + a]}" for a in axes)
    entry = _entry(digits, blocks, source[0], sample)
    lines += [
        f"{code.output()}[{_position([entry, *inner], target)}] =",
        f"    {inside} ? {code.input(0)}[{_position([sample, *names, *tail], source)}] : 0;",
    ]
    return nest(extents, "i", lines)


def _batch_to_space(code: Code) -> list[str]:
    """The inverse: pixels of the output know their block."""
    blocks = code.value(1, "the blocks").tolist()
    crops = code.value(2, "the cropping").tolist()
    source, target = code.shape(0), code.out_shape()
    axes = range(len(blocks))
    sample, *inner = (f"i{k}" for k in range(len(target)))
    names = [f"p{axis}" for axis in axes]
    lines = [f"const int32_t {names[a]} = {inner[a]} + {crops[a][0]};" for a in axes]
    digits = [f"{names[a]} % {blocks[a]}" for a in axes]
    pixels = [f"{names[a]} / {blocks[a]}" for a in axes]
    entry = _entry(digits, blocks, source[0] // math.prod(blocks), sample)
    read = _position([entry, *pixels, *inner[len(blocks) :]], source)
    write = _position([sample, *inner], target)
    lines.append(f"{code.output()}[{write}] = {code.input(0)}[{read}];")
    return nest(target, "i", lines)


GENERATORS: dict[str, Generator] = {
    "BATCH_TO_SPACE_ND": _batch_to_space,
    "SPACE_TO_BATCH_ND": _space_to_batch,
}
