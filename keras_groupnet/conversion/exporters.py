"""Exporting twins: layers that stand in for ours while a model is traced for conversion.

A twin holds the binary weights already packed and emits one composite (docs/ops.md) whose body is
the plain float maths of the layer it stands for. Layers know nothing of their twins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_groupnet.conversion.bitpack import pack_kernel
from keras_groupnet.conversion.composite import composite
from keras_groupnet.layers import LatentConv2D, QuantDepthwiseConv2D
from keras_groupnet.quantizers import ActivationBases, HalfWaveGaussian, KBitActivation, SteSign

PACKED_BITS = (1, 2, 4)


class NotBinary(Exception):
    """The layer cannot become a bitserial op; the message says why."""


def activation_bits(quantizer: Callable) -> tuple[int, float]:
    """The op's `(bits, scale)` for an activation quantizer, checked on probe values.

    Raises:
        NotBinary: the quantizer is neither sign nor the uniform quantizer of Eq. 2.
    """
    bits = getattr(quantizer, "precision", None)
    beta = float(getattr(quantizer, "beta", 1.0))
    if bits not in PACKED_BITS:
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


@dataclass(frozen=True)
class BinaryKernel:
    """One of the binary kernels whose weighted sum is the quantised kernel of a layer.

    Attributes:
        packed: the signs, see `bitpack.pack_kernel`.
        multiplier: one scale per output channel.
    """

    packed: np.ndarray
    multiplier: np.ndarray


def split_kernel(kernel: np.ndarray) -> BinaryKernel:
    """Splits a quantised HWIO kernel into packed signs and one scale per output channel.

    Raises:
        NotBinary: the values of an output channel are not all ±(one scale).
    """
    magnitude = np.abs(kernel)
    scale = magnitude.max(axis=(0, 1, 2))
    if not np.allclose(magnitude, scale, rtol=1e-5, atol=0):
        raise NotBinary("its quantised kernel has more than one magnitude per output channel")
    return BinaryKernel(pack_kernel(kernel), scale.astype(np.float32))


def binary_kernels(layer, hwio: Callable[[np.ndarray], np.ndarray]) -> list[BinaryKernel]:
    """The binary kernels of a layer, one unless its quantizer has `binary_parts`.

    Raises:
        NotBinary: there is no kernel quantizer, or one whose kernels are no such sum.
    """
    quantizer = layer.kernel_quantizer
    if quantizer is None and not isinstance(layer, LatentConv2D):
        raise NotBinary("it has no kernel quantizer")
    latent = keras.ops.convert_to_tensor(layer.kernel.numpy().astype(np.float32))
    quantised = keras.ops.convert_to_numpy(layer.quantize_kernel(latent))
    if not hasattr(quantizer, "binary_parts"):
        return [split_kernel(hwio(quantised))]
    parts = [(float(scale), signs.numpy()) for scale, signs in quantizer.binary_parts(latent)]
    total = sum(scale * signs for scale, signs in parts)
    if not np.allclose(total, quantised, atol=1e-5 * np.abs(quantised).max()):
        raise NotBinary("its quantised kernel is not the sum of its quantizer's binary parts")
    signs = [split_kernel(hwio(signs)) for _, signs in parts]
    return [
        BinaryKernel(one.packed, one.multiplier * np.float32(scale))
        for one, (scale, _) in zip(signs, parts, strict=True)
    ]


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


def quantise(quantizer: Callable) -> Callable:
    """What emits an activation quantizer: float in, the quantised values as float out.

    That is KgnFakeQuantize, but for uniform quantizers of a number of bits that the ops do not
    pack: they become float ops, and the kernels behind them read floats.

    Raises:
        NotBinary: the quantizer is no such one.
    """
    if isinstance(quantizer, KBitActivation) and quantizer.bits not in PACKED_BITS:
        return quantizer
    if isinstance(quantizer, HalfWaveGaussian):
        # The uniform quantizer of its levels, behind float ops that lift small positive values.
        uniform = quantise(quantizer.uniform)
        return lambda x: uniform(quantizer.lift(x))
    bits, scale = activation_bits(quantizer)
    options = {"bits": bits, "scale": float(scale)}
    return lambda x: composite("KgnFakeQuantize", options, quantizer, x)


class QuantizeTwin(Twin):
    """Emits the quantizer of a layer that does nothing else."""

    def __init__(self, layer):
        super().__init__(layer)
        self.quantise = quantise(layer.quantizer)

    def call(self, inputs):
        """Emits it."""
        return self.quantise(inputs)


def quantised_inputs(layer) -> list[tuple[Callable, float]]:
    """What a layer's kernels see: `(function of its input, factor)`, to be summed.

    Raises:
        NotBinary: the ops do not know the input quantizer.
    """
    quantizer = layer.input_quantizer
    if quantizer is None:
        return [(lambda x: x, 1.0)]
    if not isinstance(quantizer, ActivationBases):
        return [(quantise(quantizer), 1.0)]
    if getattr(layer, "pad_values", 0):
        raise NotBinary("its input is a sum of bases, which can be padded with 0 only")
    sign = quantise(SteSign())
    offsets, scales = quantizer.shifts.numpy() - np.float32(0.5), quantizer.scales.numpy()
    return [
        (lambda x, offset=offset: sign(x + offset), float(scale))
        for offset, scale in zip(offsets, scales, strict=True)
    ]


class _KernelTwin(Twin):
    """Packs the kernels; emits the input quantizers and then the layer, once for each pair."""

    def __init__(self, layer, hwio: Callable[[np.ndarray], np.ndarray]):
        super().__init__(layer)
        self.kernels = binary_kernels(layer, hwio)
        self.inputs = quantised_inputs(layer)
        self.zeros = np.zeros_like(self.kernels[0].multiplier)
        self.bias = layer.bias.numpy().astype(np.float32) if layer.use_bias else self.zeros

    @property
    def packed_kernels(self) -> list[np.ndarray]:
        """The 1-bit weights that the file must hold."""
        return [kernel.packed for kernel in self.kernels]

    def emit(self, name, options, body, x):
        """The sum over inputs and kernels; the bias goes into the first."""
        options = {
            **options,
            **{"version": 1, "bits": 32, "pre_activation": 0, "activation": 0},
            **{"float_output": 1, "out_bits": 0, "out_scale": 1.0},
        }
        total = None
        for quantised, factor in self.inputs:
            values = quantised(x)
            for kernel in self.kernels:
                y = composite(
                    name,
                    options,
                    body,
                    values,
                    tf.constant(kernel.packed),
                    tf.constant(kernel.multiplier * np.float32(factor)),
                    tf.constant(self.bias if total is None else self.zeros),
                )
                total = y if total is None else total + y
        return self.original.activation(total)


class Conv2DTwin(_KernelTwin):
    """Emits KgnConv2D with float activations; a pass gives it packed ones."""

    def __init__(self, layer, hwio=lambda kernel: kernel):
        super().__init__(layer, hwio)
        if layer.data_format != "channels_last":
            raise NotBinary("its data_format is not channels_last")

    def call(self, inputs):
        """Emits the composite."""
        layer = self.original
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
                    same_padding(x.shape[1 + i], words.shape[1 + i], s, d)
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
        self.kernels = [BinaryKernel(k.packed[:, 0, 0], k.multiplier) for k in self.kernels]

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
