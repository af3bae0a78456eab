"""A builtin QUANTIZE of a file beside the quantizer of Keras that it was trained as."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.deployment import Quantization


@dataclass(frozen=True)
class Int8Values:
    """What the file has in the place of Keras' values.

    Attributes:
        values: what its codes stand for.
        near_threshold: how many are a step from Keras', within rounding of a threshold.
        expected: what it should have, where it has something else; else empty.
        found: what it has there.
    """

    values: np.ndarray
    near_threshold: int = 0
    expected: str = ""
    found: str = ""


def int8_values(
    graph: Graph,
    tensor: int,
    codes: np.ndarray,
    quantization: Quantization,
    x: np.ndarray,
    allowed: np.ndarray,
) -> Int8Values:
    """Compares scale, zero point and codes.

    Args:
        graph: of the file.
        tensor: that a QUANTIZE writes.
        codes: what it holds.
        quantization: Keras'.
        x: what Keras quantizes.
        allowed: `(C,)`, how far the file's `x` may be from it.
    """
    step, zero_point = np.float32(quantization.step), quantization.zero_point or 0
    own = np.clip(np.rint(x / step) + zero_point, -128, 127) - zero_point
    has = graph.tensors[tensor].quantization
    scale, zero = np.float32(has.scale[0]), int(has.zeroPoint[0])
    if (scale, zero) != (step, zero_point):
        return Int8Values(own * step, 0, _text(step, zero_point), _text(scale, zero))
    if codes.size != x.size:
        return Int8Values(own * step, 0, f"{x.size} values", f"{codes.size} values")
    found = codes.reshape(x.shape).astype(np.float32) - zero_point
    differ = found != own
    # From the furthest threshold between the two codes.
    far = np.where(found > own, found - 0.5, found + 0.5) * step
    near = differ & (np.abs(x - far) <= allowed)
    wrong = int((differ & ~near).sum())
    if wrong:
        text = f"{wrong} of {x.size} others, not within rounding of a threshold"
        return Int8Values(found * step, int(near.sum()), "its int8 values in Keras", text)
    return Int8Values(found * step, int(near.sum()))


def _text(scale: np.float32, zero_point: int) -> str:
    return f"int8 of scale {scale:g} and zero point {zero_point}"
