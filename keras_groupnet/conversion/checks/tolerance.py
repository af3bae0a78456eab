"""How far two float32 computations of one value may be apart: rounding of what was summed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_groupnet.conversion.checks.file_ops import Values
from keras_groupnet.conversion.flatbuffer.graph import Op
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND_MULTIPLIER,
    QUANTIZE_BIAS,
    QUANTIZE_MULTIPLIER,
)
from keras_groupnet.deployment import Quantization

# Both sides round every product and sum once; a dozen stand between two quantizers, and what a
# skip carries was rounded in the blocks before. Wrong constants differ by far more: one bit of a
# kernel by 2 of some thousand, a bias by a share of the values' spread.
_ROUNDINGS = 128
# A batch norm subtracts its mean from beta, and the file has the difference. In channels where the
# two cancel out, the terms are larger than anything seen; they are about as large as elsewhere.
_ROUNDINGS_ELSEWHERE = 16


@dataclass(frozen=True)
class Bound:
    """How far two computations of a tensor may be apart.

    `_ROUNDINGS` units in the last place of the largest term of each channel, and at least
    `_ROUNDINGS_ELSEWHERE` such units of the largest term of all.

    Attributes:
        magnitude: `(C,)` or a scalar, the largest absolute term of each channel.
    """

    magnitude: np.ndarray

    def per_channel(self, channels: int) -> np.ndarray:
        """The largest difference that there may be, `(C,)`."""
        magnitude = np.broadcast_to(self.magnitude, (channels,))
        roundings = np.maximum(
            _ROUNDINGS * magnitude, _ROUNDINGS_ELSEWHERE * magnitude.max(initial=0)
        )
        return np.finfo(np.float32).eps * roundings


def largest(values: np.ndarray) -> np.ndarray:
    """The largest absolute value of each channel."""
    return np.abs(values).reshape(-1, values.shape[-1]).max(0, initial=0)


def bound_of(values: Values, op: Op | None, x: np.ndarray) -> Bound:
    """The bound for `x`, which `op` quantizes or writes in the file.

    Args:
        values: of the file.
        op: a kernel op or KgnQuantize; None if another op writes the tensor.
        x: Keras' value.
    """
    magnitude = largest(x)
    if op is None:
        return Bound(np.asarray(magnitude.max(initial=0)))
    if op.kind == "KgnQuantize":
        source = largest(values.arrays[op.inputs[0]])
        first, second = values.file.constant(op, 1), values.file.constant(op, 2)
    else:
        arguments = values.epilogue_inputs(op)
        source = largest(values.arrays[op.outputs[0]]) + 2 * np.abs(arguments["bias"])
        if arguments["offset"] is not None:
            source = source + 2 * np.abs(arguments["offset"])
        for name in ("addend", "second_addend"):
            if arguments[name] is not None:
                term = largest(arguments[name])
                factor = values.file.constant(op, ADDEND_MULTIPLIER)
                source = source + 2 * term * (
                    1 if factor is None or name != "addend" else np.abs(factor)
                )
        first = values.file.constant(op, QUANTIZE_MULTIPLIER)
        second = values.file.constant(op, QUANTIZE_BIAS)
    if first is not None and second is not None:
        source = source * np.abs(first) + np.abs(second)
    if source.shape != magnitude.shape:  # a pooling or reshape stands between
        return Bound(np.asarray(max(source.max(initial=0), magnitude.max(initial=0))))
    return Bound(np.maximum(magnitude, source))


class UnpackedQuantizers:
    """The quantizers of numbers of bits that are not packed: float ops in the file, too.

    A value within rounding of one of their thresholds may be a step apart behind them.
    """

    def __init__(self) -> None:
        self._known: list[tuple[Quantization, np.ndarray, np.ndarray]] = []

    def note(self, quantization: Quantization, x: np.ndarray, result: np.ndarray) -> None:
        """Remembers what such a quantizer made of `x`."""
        self._known.append((quantization, x, result))

    def near_threshold(self, values: np.ndarray) -> np.ndarray | bool:
        """Which of these values may be a step apart; False if they are no quantizer's result."""
        for quantization, x, result in self._known:
            if result.shape == values.shape and np.array_equal(result, values):
                step = 2.0 if quantization.bits == 1 else quantization.step
                lowest = 0.0 if quantization.bits == 1 else step / 2
                distance = np.abs((x - lowest) / step - np.rint((x - lowest) / step)) * step
                return distance <= Bound(largest(x)).per_channel(x.shape[-1])
        return False
