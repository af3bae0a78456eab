"""The exporting twin of MCN's convolution: each filter once in bits, M-Filters as real factors.

The channels of a map, `y_j = conv(x, sgn(C) * M_j)`, share the bits of one filter. Exactly, with
b_p the 1x1 convolution of x with the signs at tap p,

    MCN-1   y_j = M_j * conv(x, sgn(C))                   one binary convolution, K scalings
    MCN     y_j[i] = sum_p M_j[p] * b_p[i * stride + p]   one binary 1x1 convolution with
                                                          kh * kw * filters outputs, then sums

so the binary work and the bits are those of one filter per map instead of K.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..layers import ModulatedConv2D, QuantConv2D
from ..quantizers import BinaryWeight
from .twins import Conv2DTwin, Twin, same_padding


class ModulatedTwin(Twin):
    """Emits KgnConv2D for the signs, and float ops for the M-Filters."""

    def __init__(self, layer: ModulatedConv2D):
        super().__init__(layer)
        kernel = layer.kernel.numpy().astype(np.float32)
        self.m_filters = layer.modulation.numpy().astype(np.float32)
        options = {"use_bias": False, "kernel_quantizer": BinaryWeight("none"), "name": layer.name}
        options |= {"input_quantizer": layer.input_quantizer}
        if layer.scalar:
            geometry = ("strides", "padding", "dilation_rate", "pad_values")
            options |= {name: getattr(layer, name) for name in geometry}
        else:
            height, width, channels, maps = kernel.shape
            kernel = kernel.transpose(2, 0, 1, 3).reshape(1, 1, channels, height * width * maps)
        signs = QuantConv2D(kernel.shape[-1], kernel.shape[:2], **options)
        signs.build((None, None, None, kernel.shape[2]))
        signs.set_weights([kernel])
        self.signs = Conv2DTwin(signs)
        self.packed = self.signs.packed

    def build(self, input_shape):
        """Refuses maps of unknown size."""
        if None in input_shape[1:3]:
            raise ValueError(
                f"The height and width of layer '{self.name}' must be known for conversion. "
                f"Received: input shape {tuple(input_shape)}. "
                "Build the model with a fixed input_shape."
            )
        self.signs.build(input_shape)

    def call(self, inputs):
        """Emits the composite and what follows it."""
        layer = self.original
        planes = tf.constant(self.m_filters.reshape(layer.planes, -1).T)
        if layer.scalar:
            taps = self.signs(inputs)[..., None]
        else:
            taps = self._taps(inputs)
        # (N, OH, OW, filters, taps) @ (taps, K), without tensors of five axes.
        output = layer.compute_output_shape(tuple(inputs.shape))
        flat = tf.reshape(taps, (-1, taps.shape[-1]))
        y = flat * planes if layer.scalar else tf.matmul(flat, planes)
        return layer.activation(tf.reshape(y, (-1, *output[1:])))

    def _taps(self, inputs):
        """b_p where the output needs it: `(N, OH, OW, filters, kh * kw)`."""
        layer = self.original
        sizes, strides, dilations = layer.kernel_size, layer.strides, layer.dilation_rate
        same = layer.padding == "same"
        widths = [(0, 0)] * 4
        if same:
            widths[1:3] = map(same_padding, inputs.shape[1:3], sizes, strides, dilations)
        if layer.pad_values:
            # Quantizers keep ±1. Zeros they would not, so those are added behind.
            b = self.signs(tf.pad(inputs, widths, constant_values=layer.pad_values))
        else:
            b = self.signs(inputs)
            b = tf.pad(b, widths) if same else b
        maps = layer.filters
        _, height, width, _ = layer.compute_output_shape(tuple(inputs.shape))
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
                        tap * maps : (tap + 1) * maps,
                    ]
                )
        return tf.stack(taps, axis=-1)
