"""Exporting transposed convolutions: one binary 1x1 convolution, and sums where taps overlap.

With b_t[i] the 1x1 convolution of the input with the signs at tap t, stride s, dilation d and p the
padding in front,

    y[o] = scale * sum_t b_t[i]  over all i with  i * s + t * d - p = o

which for each phase r = o mod s is a sum of shifted b_t: `o = q s + r` reads `b_t[q + e]` with
`e = (r + p - t d) / s`, where that is whole. The phases are then interleaved. All sums are of whole
numbers, so they are exact, and taps outside of the feature map simply are not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_groupnet.conversion.export.emitter import Emitter
from keras_groupnet.deployment import BinaryKernel, Deployment, Window


def transposed(layer: Any, deployment: Deployment, emitter: Emitter) -> Callable[[Any], Any]:
    """What takes the place of the call of a `QuantConv2DTranspose`."""
    kernels = deployment.read_kernels()
    bias = None if deployment.bias is None else deployment.bias()

    def call(x: Any) -> Any:
        _check_size(layer, x)
        values = emitter.read(deployment.inputs[0], x)
        total = None
        for kernel in kernels:
            ones = np.ones_like(kernel.scales)
            b = emitter.conv2d(values, BinaryKernel(kernel.signs, ones), Window())
            y = _interleaved(layer, b) * kernel.scales[: layer.filters]
            total = y if total is None else total + y
        if bias is not None:
            total = total + bias
        return total if deployment.activation is None else deployment.activation(total)

    return call


def _interleaved(layer: Any, b: Any) -> Any:
    """`(N, H, W, kh * kw * filters)` -> `(N, OH, OW, filters)`."""
    filters = layer.filters
    sizes = layer.compute_output_shape((None, *b.shape[1:]))[1:3]
    rows, columns = (_shifts(layer, axis, b.shape[1 + axis], sizes[axis]) for axis in (0, 1))
    counts = [-(-size // stride) for size, stride in zip(sizes, layer.strides, strict=True)]
    lines = []
    for row_phase in rows:
        phases = []
        for column_phase in columns:
            total = None
            for tap_row, down in row_phase:
                for tap_column, right in column_phase:
                    tap = tap_row * layer.kernel_size[1] + tap_column
                    part = b[..., tap * filters : (tap + 1) * filters]
                    part = _shifted(part, (down, right), counts)
                    total = part if total is None else total + part
            if total is None:  # a stride above the kernel size leaves gaps
                total = _shifted(b[..., :filters] * 0.0, (0, 0), counts)
            phases.append(total)
        line = tf.concat(phases, axis=-1)
        lines.append(tf.reshape(line, (-1, counts[0], counts[1] * layer.strides[1], filters)))
    y = tf.concat(lines, axis=2)
    y = tf.reshape(y, (-1, counts[0] * layer.strides[0], counts[1] * layer.strides[1], filters))
    return y[:, : sizes[0], : sizes[1]]


def _shifts(layer: Any, axis: int, length: int, output: int) -> list[list[tuple[int, int]]]:
    """For each phase the taps that fall on it, and where each reads: `(t, e)`."""
    size, stride, dilation = (
        values[axis] for values in (layer.kernel_size, layer.strides, layer.dilation_rate)
    )
    padding = 0
    if layer.padding == "same":
        padding = max((length - 1) * stride + (size - 1) * dilation + 1 - output, 0) // 2
    return [
        [
            (tap, (phase + padding - tap * dilation) // stride)
            for tap in range(size)
            if (phase + padding - tap * dilation) % stride == 0
        ]
        for phase in range(stride)
    ]


def _shifted(x: Any, shifts: tuple[int, int], counts: list[int]) -> Any:
    """`y[q] = x[q + e]` for q from 0 to the counts, zeros where x has no such place."""
    bounds, widths = [], []
    for length, shift, count in zip(x.shape[1:3], shifts, counts, strict=True):
        begin = min(max(shift, 0), length)
        end = max(min(count + shift, length), begin)
        front = min(max(-shift, 0), count)
        bounds.append(slice(begin, end))
        widths.append((front, count - front - (end - begin)))
    x = x[:, bounds[0], bounds[1]]
    return tf.pad(x, [(0, 0), *widths, (0, 0)]) if any(map(any, widths)) else x


def _check_size(layer: Any, x: Any) -> None:
    if None in x.shape[1:3]:
        raise ValueError(
            f"The height and width of layer '{layer.name}' must be known for conversion. "
            f"Received: input shape {tuple(x.shape)}. Build the model with a fixed input_shape."
        )
