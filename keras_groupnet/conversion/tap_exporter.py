"""The exporting twin of convolutions whose kernel has one real factor per tap.

With b_p the 1x1 convolution of x with the signs at tap p, for K sets of factors m_j, exactly

    y_j[i] = sum_p m_j[p] * b_p[i * stride + p]

so there is one binary 1x1 convolution with kh * kw * filters outputs, and float sums. The binary
work and the bits are those of one filter, whatever K is.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from keras_groupnet.conversion.exporters import Conv2DTwin, Twin, same_padding
from keras_groupnet.layers import QuantConv2D
from keras_groupnet.quantizers import BinaryWeight


def sign_twin(layer: QuantConv2D, kernel: np.ndarray, **geometry) -> Conv2DTwin:
    """The twin of the convolution with `sgn(kernel)` that reads what `layer` reads."""
    signs = QuantConv2D(
        kernel.shape[-1],
        kernel.shape[:2],
        use_bias=False,
        input_quantizer=layer.input_quantizer,
        kernel_quantizer=BinaryWeight("none"),
        name=layer.name,
        **geometry,
    )
    signs.build((None, None, None, kernel.shape[2]))
    signs.set_weights([kernel])
    return Conv2DTwin(signs)


class FactorTwin(Twin):
    """Emits KgnConv2D for the signs, and float ops for real factors behind it.

    Args:
        layer: the layer.
        signs: the convolution with the signs.
        factors: `(terms, K)`.
    """

    def __init__(self, layer: QuantConv2D, signs: Conv2DTwin, factors: np.ndarray):
        super().__init__(layer)
        self.signs = signs
        self.factors = factors.astype(np.float32)
        self.packed_kernels = signs.packed_kernels
        self.bias = layer.bias.numpy() if layer.use_bias else None

    def build(self, input_shape):
        """Refuses maps of unknown size."""
        if None in input_shape[1:3]:
            raise ValueError(
                f"The height and width of layer '{self.name}' must be known for conversion. "
                f"Received: input shape {tuple(input_shape)}. "
                "Build the model with a fixed input_shape."
            )
        self.signs.build(input_shape)

    def terms(self, inputs):
        """The terms of the sums: `(N, OH, OW, filters, terms)`."""
        raise NotImplementedError

    def call(self, inputs):
        """Emits the composite and what follows it."""
        layer = self.original
        terms = self.terms(inputs)
        # (N, OH, OW, filters, terms) @ (terms, K), without tensors of five axes.
        output = layer.compute_output_shape(tuple(inputs.shape))
        flat = tf.reshape(terms, (-1, terms.shape[-1]))
        factors = tf.constant(self.factors)
        y = flat * factors if len(self.factors) == 1 else tf.matmul(flat, factors)
        y = tf.reshape(y, (-1, *output[1:]))
        return layer.activation(y if self.bias is None else y + self.bias)


class TapTwin(FactorTwin):
    """Its terms are the taps of the kernel.

    Args:
        layer: the layer.
        factors: `(kh * kw, K)`.
    """

    def __init__(self, layer: QuantConv2D, factors: np.ndarray):
        height, width, channels, filters = layer.kernel.shape
        kernel = layer.kernel.numpy().astype(np.float32).transpose(2, 0, 1, 3)
        kernel = kernel.reshape(1, 1, channels, height * width * filters)
        super().__init__(layer, sign_twin(layer, kernel), factors)

    def terms(self, inputs):
        """b_p where the output needs it."""
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
        filters = layer.filters
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
                        tap * filters : (tap + 1) * filters,
                    ]
                )
        return tf.stack(taps, axis=-1)
