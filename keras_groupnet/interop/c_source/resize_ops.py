"""Resizing of maps, and looking up in tables: ops that compute where they read."""

from __future__ import annotations

import math

import numpy as np

from keras_groupnet.interop.c_source.code import Code, Generator
from keras_groupnet.interop.c_source.loops import index, nest, strides


def _positions(code: Code, axis: int) -> np.ndarray:
    """Of each pixel of the output the place in the input, as TFLite computes it in float32."""
    size, target = code.shape(0)[axis], code.out_shape()[axis]
    corners = bool(code.option("alignCorners")) and target > 1
    scale = np.float32(size - 1) / np.float32(target - 1) if corners else np.float32(size) / target
    at = np.arange(target, dtype=np.float32)
    if code.option("halfPixelCenters"):
        return (at + np.float32(0.5)) * np.float32(scale)
    return at * np.float32(scale)


def _nearest(code: Code) -> list[str]:
    tables = []
    for axis in (1, 2):
        places = _positions(code, axis)
        rounded = (
            np.floor(places + np.float32(0.5)) if code.option("alignCorners") else np.floor(places)
        )
        places = np.clip(rounded, 0, code.shape(0)[axis] - 1).astype(np.int32)
        tables.append(code.names.constant("places", places))
    return _rows(code, tables)


def _rows(code: Code, tables: list[str]) -> list[str]:
    n, y, x, _ = strides(code.shape(0))
    shape = code.out_shape()
    source = f"{n} * i0 + {y} * {tables[0]}[i1] + {x} * {tables[1]}[i2] + i3"
    target = index(strides(shape), "i")
    return nest(shape, "i", [f"{code.output()}[{target}] = {code.input(0)}[{source}];"])


def _bilinear(code: Code) -> list[str]:
    """Between the two nearest rows and columns, whose weights are computed here."""
    names = []
    for axis in (1, 2):
        places = _positions(code, axis)
        if code.option("halfPixelCenters"):
            places = places - np.float32(0.5)
        last = code.shape(0)[axis] - 1
        low = np.floor(places)
        share = (places - low).astype(np.float32)
        before = np.clip(low, 0, last).astype(np.int32)
        after = np.clip(low + 1, 0, last).astype(np.int32)
        names.append([code.names.constant("places", table) for table in (before, after)])
        names[-1].append(code.names.constant("shares", share))
    (top, bottom, down), (left, right, across) = names
    n, y, x, _ = strides(code.shape(0))
    shape = code.out_shape()

    def pixel(row: str, column: str) -> str:
        return f"{code.input(0)}[{n} * i0 + {y} * {row}[i1] + {x} * {column}[i2] + i3]"

    return nest(
        shape,
        "i",
        [
            f"const float a = {pixel(top, left)}, b = {pixel(top, right)};",
            f"const float c = {pixel(bottom, left)}, d = {pixel(bottom, right)};",
            f"const float above = a + (b - a) * {across}[i2];",
            f"const float below = c + (d - c) * {across}[i2];",
            f"{code.output()}[{index(strides(shape), 'i')}] =",
            f"    above + (below - above) * {down}[i1];",
        ],
    )


def _gather(code: Code) -> list[str]:
    """Slices of a table along one axis; an index outside it reads the nearest slice."""
    table = code.shape(0)
    axis = code.option("axis") % len(table)
    if code.option("batchDims"):
        raise code.refusal("batch_dims")
    outer, inner = math.prod(table[:axis]), math.prod(table[axis + 1 :])
    count, size = math.prod(code.shape(1)), table[axis]
    lines = [
        f"int32_t k = {code.input(1)}[i1];",
        f"k = k < 0 ? 0 : k >= {size} ? {size - 1} : k;",
        f"{code.output()}[({count} * i0 + i1) * {inner} + i2] =",
        f"    {code.input(0)}[({size} * i0 + k) * {inner} + i2];",
    ]
    return nest((outer, count, inner), "i", lines)


GENERATORS: dict[str, Generator] = {
    "GATHER": _gather,
    "RESIZE_BILINEAR": _bilinear,
    "RESIZE_NEAREST_NEIGHBOR": _nearest,
}
