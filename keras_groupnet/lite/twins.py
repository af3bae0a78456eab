"""Exporting twins: layers that stand in for ours while a model is traced for conversion.

A twin holds the binary weights already packed and emits one composite (docs/ops.md) whose body is
the plain float maths of the layer it stands for. Layers know nothing of their twins.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from ..layers import LatentConv2D, QuantDepthwiseConv2D
from .bitpack import pack_kernel
from .composite import composite


class NotBinary(Exception):
    """The layer cannot become a bitserial op; the message says why."""


def activation_bits(quantizer: Callable) -> tuple[int, float]:
    """The op's `(bits, scale)` for an activation quantizer, checked on probe values.

    Raises:
        NotBinary: the quantizer is neither sign nor the uniform quantizer of Eq. 2.
    """
    bits = getattr(quantizer, "precision", None)
    beta = float(getattr(quantizer, "beta", 1.0))
    if bits not in (1, 2, 4):
        raise NotBinary(f"its input quantizer has precision {bits}; the ops know 1, 2 and 4 bits")
    levels = 2**bits - 1
    probe = np.linspace(-1.5 * beta, 1.5 * beta, 67, dtype=np.float32)
    if bits == 1:
        scale, expected = 1.0, np.where(probe >= 0, 1.0, -1.0)
    else:
        scale = levels / beta
        expected = np.round(np.clip(probe, 0, beta) * scale) / scale
    answered = keras.ops.convert_to_numpy(quantizer(keras.ops.convert_to_tensor(probe)))
    if not np.allclose(answered, expected, atol=1e-5 * max(beta, 1.0)):
        raise NotBinary("its input quantizer is neither sign(x) nor Eq. 2's uniform quantizer")
    return bits, scale


def split_kernel(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits a quantised HWIO kernel into packed signs and one scale per output channel.

    Raises:
        NotBinary: the values of an output channel are not all ±(one scale).
    """
    magnitude = np.abs(kernel)
    scale = magnitude.max(axis=(0, 1, 2))
    if not np.allclose(magnitude, scale, rtol=1e-5, atol=0):
        raise NotBinary("its quantised kernel has more than one magnitude per output channel")
    return pack_kernel(kernel), scale.astype(np.float32)


def _kernel_values(packed, channels: int):
    """±1 float kernel, HWIO, from packed words: the body's inverse of `pack_kernel`."""
    bits = tf.bitwise.bitwise_and(tf.bitwise.right_shift(packed[..., None], tf.range(32)), 1)
    bits = tf.reshape(bits, (*packed.shape[:-1], packed.shape[-1] * 32))[..., :channels]
    values = 1.0 - 2.0 * tf.cast(bits, tf.float32)
    return tf.transpose(values, (*range(1, len(values.shape)), 0))


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's SAME: the odd row or column goes to the bottom or right."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


class Twin(keras.layers.Layer):
    """A layer with the name and output shape of the one it stands for."""

    def __init__(self, layer: keras.layers.Layer):
        super().__init__(name=layer.name, dtype="float32", trainable=False)
        self.original = layer

    def compute_output_shape(self, input_shape):
        """That of the layer."""
        return self.original.compute_output_shape(input_shape)


class FloatTwin(Twin):
    """Calls the layer itself: its quantizers become ordinary float ops."""

    def call(self, inputs):
        """Emits what the layer computes."""
        return self.original(inputs)


class FakeQuantizeTwin(Twin):
    """Emits KgnFakeQuantize: float in, the quantised values as float out."""

    def __init__(self, layer, quantizer):
        super().__init__(layer)
        self.quantizer = quantizer
        self.bits, self.scale = activation_bits(quantizer)

    def call(self, inputs):
        """Emits the composite."""
        options = {"bits": self.bits, "scale": float(self.scale)}
        return composite("KgnFakeQuantize", options, self.quantizer, inputs)


class _KernelTwin(Twin):
    """Packs the kernel; emits the input quantizer and then the layer itself."""

    def __init__(self, layer, hwio: Callable[[np.ndarray], np.ndarray]):
        super().__init__(layer)
        if layer.kernel_quantizer is None and not isinstance(layer, LatentConv2D):
            raise NotBinary("it has no kernel quantizer")
        kernel = keras.ops.convert_to_tensor(layer.kernel.numpy().astype(np.float32))
        quantised = keras.ops.convert_to_numpy(layer.quantize_kernel(kernel))
        self.packed, self.multiplier = split_kernel(hwio(quantised))
        self.bias_values = (
            layer.bias.numpy() if layer.use_bias else np.zeros_like(self.multiplier)
        ).astype(np.float32)
        self.quantise = (
            (lambda x: x)
            if layer.input_quantizer is None
            else FakeQuantizeTwin(layer, layer.input_quantizer).call
        )

    def emit(self, name, options, body, x):
        y = composite(
            name,
            options
            | {"version": 1, "bits": 32, "pre_activation": 0, "activation": 0}
            | {"float_output": 1, "out_bits": 0, "out_scale": 1.0},
            body,
            self.quantise(x),
            tf.constant(self.packed),
            tf.constant(self.multiplier),
            tf.constant(self.bias_values),
        )
        return self.original.activation(y)


class Conv2DTwin(_KernelTwin):
    """Emits KgnConv2D with float activations; a pass gives it packed ones."""

    def __init__(self, layer, hwio=lambda kernel: kernel):
        super().__init__(layer, hwio)
        if layer.data_format != "channels_last":
            raise NotBinary("its data_format is not channels_last")

    def call(self, inputs):
        """Emits the composite."""
        layer, packed = self.original, self.packed
        channels_in = inputs.shape[-1]
        depthwise = isinstance(layer, QuantDepthwiseConv2D)
        groups = channels_in if depthwise else layer.groups
        same, pad = layer.padding == "same", int(layer.pad_values)
        (sh, sw), (dh, dw) = layer.strides, layer.dilation_rate

        def body(x, words, multiplier, bias):
            kernel = _kernel_values(words, channels_in // groups)
            padding = "SAME" if same else "VALID"
            if same and pad:
                edges = [
                    same_padding(x.shape[1 + i], packed.shape[1 + i], s, d)
                    for i, (s, d) in enumerate(((sh, dh), (sw, dw)))
                ]
                x = tf.pad(x, [(0, 0), *edges, (0, 0)], constant_values=float(pad))
                padding = "VALID"
            y = tf.nn.conv2d(x, kernel, (sh, sw), padding, dilations=(dh, dw))
            return y * multiplier + bias

        if same and pad and None in inputs.shape[1:3]:
            raise ValueError(
                f"Layer '{layer.name}' pads with {pad}; its height and width must be known for "
                f"conversion. Received: input shape {tuple(inputs.shape)}. "
                "Build the model with a fixed input_shape."
            )
        options = {"channels_in": channels_in, "groups": groups, "stride_height": sh}
        options |= {"stride_width": sw, "dilation_height": dh, "dilation_width": dw}
        options |= {"padding": 0 if same else 1, "pad_value": pad}
        return self.emit("KgnConv2D", options, body, inputs)


class DenseTwin(_KernelTwin):
    """Emits KgnDense on the input with all but its last axis flattened."""

    def __init__(self, layer):
        super().__init__(layer, lambda kernel: kernel[None, None])
        self.packed = self.packed[:, 0, 0]

    def call(self, inputs):
        """Emits the composite."""
        channels_in = inputs.shape[-1]

        def body(x, words, multiplier, bias):
            return tf.matmul(x, _kernel_values(words, channels_in)) * multiplier + bias

        flat = inputs if len(inputs.shape) == 2 else tf.reshape(inputs, (-1, channels_in))
        y = self.emit("KgnDense", {"channels_in": channels_in}, body, flat)
        if len(inputs.shape) == 2:
            return y
        return tf.reshape(y, (*tf.unstack(tf.shape(inputs))[:-1], y.shape[-1]))


def depthwise_hwio(kernel: np.ndarray) -> np.ndarray:
    """Keras' (kh, kw, C, M) as a grouped kernel (kh, kw, 1, C * M), channel-major like Keras."""
    return kernel.reshape(*kernel.shape[:2], 1, -1)
