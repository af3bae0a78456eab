"""Exporting convolutions with float factors behind the signs: MCN's M-Filters, SYQ's scales.

With b_p the 1x1 convolution of x with the signs at tap p, for K sets of factors m_j, exactly

    y_j[i] = sum_p m_j[p] * b_p[i * stride + p]

so there is one binary 1x1 convolution with kh * kw * filters outputs, and float sums. The binary
work and the bits are those of one filter, whatever K is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_groupnet.conversion.export.emitter import Emitter
from keras_groupnet.deployment import Deployment, Window
from keras_groupnet.deployment.same_padding import same_padding
from keras_groupnet.layers import ModulatedConv2D


def scalar_factors(layer: Any, deployment: Deployment, emitter: Emitter) -> Callable[[Any], Any]:
    """MCN-1, `y_j = M_j * conv(x, sgn(C))`: one binary convolution and K scalings."""
    factors = _factors(layer)
    window, (kernel,) = deployment.window or Window(), deployment.read_kernels()

    def call(x: Any) -> Any:
        _check_size(layer, x)
        values = emitter.read(deployment.inputs[0], x)
        return _combined(layer, emitter.conv2d(values, kernel, window)[..., None], factors, x)

    return call


def tap_factors(layer: Any, deployment: Deployment, emitter: Emitter) -> Callable[[Any], Any]:
    """One factor for each tap of the kernel."""
    factors = _factors(layer)
    (kernel,) = deployment.read_kernels()

    def call(x: Any) -> Any:
        _check_size(layer, x)
        return _combined(layer, _taps(layer, deployment, kernel, emitter, x), factors, x)

    return call


def _taps(layer, deployment, kernel, emitter, x):
    """The taps b_p where the output needs them: `(N, OH, OW, filters, kh * kw)`."""
    sizes, strides, dilations = layer.kernel_size, layer.strides, layer.dilation_rate
    same = layer.padding == "same"
    widths = [(0, 0)] * 4
    if same:
        widths[1:3] = map(same_padding, x.shape[1:3], sizes, strides, dilations)
    if layer.pad_values:
        # Quantizers keep ±1. Zeros they would not, so those are added behind.
        x = tf.pad(x, widths, constant_values=layer.pad_values)
    b = emitter.conv2d(emitter.read(deployment.inputs[0], x), kernel, Window())
    if same and not layer.pad_values:
        b = tf.pad(b, widths)
    filters = layer.filters
    _, height, width, _ = layer.compute_output_shape(_before_padding(x, widths, layer))
    taps = []
    for row in range(sizes[0]):
        for column in range(sizes[1]):
            tap = row * sizes[1] + column
            top, left = row * dilations[0], column * dilations[1]
            taps.append(
                b[
                    :,
                    top : top + (height - 1) * strides[0] + 1 : strides[0],
                    left : left + (width - 1) * strides[1] + 1 : strides[1],
                    tap * filters : (tap + 1) * filters,
                ]
            )
    return tf.stack(taps, axis=-1)


def _before_padding(x, widths, layer):
    """The shape of the layer's input, which may be padded by now."""
    if not layer.pad_values:
        return tuple(x.shape)
    padded = [sum(pair) for pair in widths]
    return tuple(n if n is None else n - extra for n, extra in zip(x.shape, padded, strict=True))


def _combined(layer, terms, factors, x):
    """`(N, OH, OW, filters, terms) @ (terms, K)`, without tensors of five axes."""
    output = layer.compute_output_shape(tuple(x.shape))
    flat = tf.reshape(terms, (-1, terms.shape[-1]))
    y = flat * factors if len(factors) == 1 else tf.matmul(flat, factors)
    y = tf.reshape(y, (-1, *output[1:]))
    return layer.activation(y + layer.bias if layer.use_bias else y)


def _factors(layer):
    """`(terms, K)`: the M-Filters, or SYQ's scales, of which there is one set."""
    if isinstance(layer, ModulatedConv2D):
        values = layer.modulation.numpy().reshape(layer.planes, -1).T
    else:
        scales = layer.kernel_quantizer.scales.numpy()
        values = np.broadcast_to(scales, (*layer.kernel_size, 1, 1)).reshape(-1, 1)
    return tf.constant(values.astype(np.float32))


def _check_size(layer, x):
    if None in x.shape[1:3]:
        raise ValueError(
            f"The height and width of layer '{layer.name}' must be known for conversion. "
            f"Received: input shape {tuple(x.shape)}. Build the model with a fixed input_shape."
        )
