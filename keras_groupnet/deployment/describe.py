"""`describe(layer)`: what a layer becomes when it is deployed, told on any backend.

A registry by class: the summary, `to_binary`, the converter and its check all ask here, so a layer
of your own that registers its description is known to all of them (docs/own_layer.md):

    @kgn.deployment.describe.register
    def _(layer: MyDense) -> kgn.deployment.Deployment:
        return kgn.deployment.dense(
            lambda: sign(layer.w), layer.w.shape, input_quantizer=sign, bias=layer.b
        )

A layer whose computation is more than one binary convolution or product registers how it is
exported, too (`keras_groupnet.conversion.export.exporters.export`).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_groupnet.deployment.quantization import (
    SIGN,
    NotBinary,
    Quantization,
    describe_quantizer,
)
from keras_groupnet.layers import (
    LatentConv2D,
    ModulatedConv2D,
    QuantConv2D,
    QuantDense,
    QuantDepthwiseConv2D,
)
from keras_groupnet.quantizers import ActivationBases, SubgroupSign


@dataclasses.dataclass(frozen=True)
class BinaryKernel:
    """One binary kernel.

    Attributes:
        signs: ±1 float32, `(kh, kw, Cin / groups, Cout)` or, dense, `(Cin, Cout)`.
        scales: float32 `(Cout,)`, what the sum of products is multiplied by.
    """

    signs: np.ndarray
    scales: np.ndarray


@dataclasses.dataclass(frozen=True)
class Input:
    """What kernels read: `factor * quantization(x + offset)`.

    Attributes:
        quantization: None if the layer does not quantize its input itself.
        offset: added in front of the quantizer.
        factor: of all sums over this input.
    """

    quantization: Quantization | None = None
    offset: float = 0.0
    factor: float = 1.0


@dataclasses.dataclass(frozen=True)
class Window:
    """The geometry of a convolution.

    Attributes:
        strides: rows, columns.
        dilation: rows, columns.
        padding: `"same"` or `"valid"`.
        pad_value: value of the taps outside of the feature map: -1, 0 or 1.
        groups: of channels.
    """

    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str = "valid"
    pad_value: int = 0
    groups: int = 1


@dataclasses.dataclass(frozen=True)
class Deployment:
    """`activation(sum_ij factor_j * scale_i * (kernel_i * input_j(x)) + bias)`.

    Attributes:
        kernel_shape: of one binary kernel in the file, as `BinaryKernel.signs`.
        kernel_count: how many binary kernels there are.
        read_kernels: computes them from the variables; raises `NotBinary`.
        inputs: what each kernel is applied to, at least one.
        window: None for a matrix product.
        bias: float32 `(Cout,)` or None.
        activation: applied to the sum; None for none.
        factors: float values that the file holds beside scales and bias. If there are any, the
            layer is not the formula above, and is exported by a function of its own.
        taps: of how many taps of a larger window the 1×1 kernel holds the outputs, as the function
            `taps` says; 0 for a kernel that is the layer's own.
    """

    kernel_shape: tuple[int, ...]
    kernel_count: int
    read_kernels: Callable[[], Sequence[BinaryKernel]]
    inputs: tuple[Input, ...] = (Input(),)
    window: Window | None = None
    bias: Callable[[], np.ndarray] | None = None
    activation: Callable[[Any], Any] | None = None
    factors: int = 0
    taps: int = 0

    @property
    def op_count(self) -> int:
        """How many convolutions or matrix products the file holds for one call of the layer."""
        return self.kernel_count * len(self.inputs)

    @property
    def input_bits(self) -> int | None:
        """Bits that the layer itself quantizes its input to; None if it does not."""
        quantization = self.inputs[0].quantization
        return None if quantization is None else quantization.bits * len(self.inputs)

    @property
    def binary_weights(self) -> int:
        """How many 1-bit weights the file holds."""
        return self.kernel_count * math.prod(self.kernel_shape)

    @property
    def float_weights(self) -> int:
        """How many floats the layer has beside one scale for each kernel and output channel."""
        bias = 0 if self.bias is None else self.bias().size
        inputs = sum((one.offset != 0) + (one.factor != 1) for one in self.inputs)
        return bias + self.factors + inputs

    def read_bits(self, given: int) -> int:
        """Bits of the values that the ops of the layer read; 32 for floats.

        Args:
            given: bits of the layer's input where it is packed, else 32.
        """
        quantization = self.inputs[0].quantization
        pad_value = 0 if self.window is None else self.window.pad_value
        if quantization is None and self.taps and pad_value:
            return 32  # padded in front of the op, which makes floats of what was packed
        if quantization is not None:
            given = quantization.bits if quantization.packed else 32
        if given > 1 and pad_value and not self.taps:
            return 32  # there are codes for 0, ..., but not for -1
        return given if given == 32 else given * len(self.inputs)


@functools.singledispatch
def describe(layer: Any) -> Deployment | None:
    """What a layer becomes in a converted file.

    Args:
        layer: any built Keras layer; its class may be registered.

    Returns:
        None for an ordinary layer, which stays what it is.

    Raises:
        NotBinary: for a layer that is there to be binary, but cannot be; says why.
    """
    return None


def binary_deployment(layer: Any) -> Deployment | None:
    """What a layer becomes if it is binary in a converted file; None if it is float there."""
    try:
        deployment = describe(layer) if layer.built else None
        if deployment is not None:
            deployment.read_kernels()  # a kernel of several magnitudes shows only now
    except NotBinary:
        return None
    return deployment


def dense(
    kernel: Callable[[], Any],
    shape: tuple[int, int],
    *,
    input_quantizer: Any = None,
    bias: Any = None,
    activation: Any = None,
    factors: int = 0,
) -> Deployment:
    """The description of `activation(input_quantizer(x) @ kernel + bias)`.

    Args:
        kernel: returns the quantized kernel `(Cin, Cout)`: each column ±(one magnitude).
        shape: `(Cin, Cout)`.
        input_quantizer: None if the input is quantized already, or a float.
        bias: a variable `(Cout,)` or None.
        activation: a function of `keras.ops`, or None.
        factors: how many floats the file holds beside scales and bias, if the layer is more than
            this formula and registers an exporter of its own.
    """
    return Deployment(
        tuple(shape),
        1,
        lambda: [split_kernel(_array(kernel()))],
        inputs_of(input_quantizer),
        bias=_reader(bias),
        activation=activation,
        factors=factors,
    )


def conv2d(
    kernel: Callable[[], Any],
    shape: tuple[int, int, int, int],
    window: Window,
    *,
    input_quantizer: Any = None,
    bias: Any = None,
    activation: Any = None,
    factors: int = 0,
) -> Deployment:
    """The description of `activation(conv(input_quantizer(x), kernel) + bias)`, channels last.

    Args:
        kernel: returns the quantized kernel `(kh, kw, Cin / groups, Cout)`: each output channel
            ±(one magnitude).
        shape: that shape.
        window: strides, dilation, padding, groups.
        input_quantizer: as in `dense`, also `bias` and `activation`.
        bias: see `dense`.
        activation: see `dense`.
        factors: see `dense`.
    """
    return Deployment(
        tuple(shape),
        1,
        lambda: [split_kernel(_array(kernel()))],
        inputs_of(input_quantizer),
        window,
        _reader(bias),
        activation,
        factors,
    )


def split_kernel(kernel: np.ndarray) -> BinaryKernel:
    """Splits a quantized kernel into signs and one scale per output channel.

    Raises:
        NotBinary: the values of an output channel are not all ±(one scale).
    """
    magnitude = np.abs(kernel)
    scales = magnitude.max(axis=tuple(range(kernel.ndim - 1)))
    if not np.allclose(magnitude, scales, rtol=1e-5, atol=0):
        raise NotBinary("its quantized kernel has more than one magnitude per output channel")
    signs = np.where(kernel < 0, np.float32(-1), np.float32(1))
    return BinaryKernel(signs, scales.astype(np.float32))


def inputs_of(quantizer: Any) -> tuple[Input, ...]:
    """What the kernels of a layer with this input quantizer read.

    Raises:
        NotBinary: the ops do not know the quantizer.
    """
    if quantizer is None:
        return (Input(),)
    if not isinstance(quantizer, ActivationBases):
        return (Input(describe_quantizer(quantizer)),)
    offsets = _array(quantizer.shifts) - np.float32(0.5)
    return tuple(
        Input(SIGN, float(offset), float(factor))
        for offset, factor in zip(offsets, _array(quantizer.scales), strict=True)
    )


def _array(value: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(value), np.float32)


def _reader(variable: Any) -> Callable[[], np.ndarray] | None:
    return None if variable is None else lambda: _array(variable)


def _kernel_count(layer: Any) -> int:
    """How many binary kernels the quantized kernel of one of our layers is the sum of.

    Raises:
        NotBinary: it is no such sum.
    """
    quantizer = layer.kernel_quantizer
    if quantizer is None and not isinstance(layer, LatentConv2D):
        raise NotBinary("it has no kernel quantizer")
    bits = layer.kernel_precision
    if hasattr(quantizer, "binary_parts"):
        return bits
    if quantizer is not None and not hasattr(quantizer, "precision"):
        name = getattr(quantizer, "__name__", type(quantizer).__name__)
        raise NotBinary(
            f"its kernel quantizer {name!r} does not say how many bits it needs: subclass "
            "keras_groupnet.quantizers.Quantizer or set its attribute `precision`"
        )
    if bits != 1:
        raise NotBinary(f"its weights have {bits} bits; the ops know sums of 1-bit kernels")
    return 1


def _read_kernels(layer: Any, per_output: Callable[[np.ndarray], np.ndarray]) -> list[BinaryKernel]:
    latent = keras.ops.convert_to_tensor(_array(layer.kernel))
    quantized = _array(layer.quantize_kernel(latent))
    quantizer = layer.kernel_quantizer
    if not hasattr(quantizer, "binary_parts"):
        return [split_kernel(per_output(quantized))]
    parts = [(float(scale), _array(signs)) for scale, signs in quantizer.binary_parts(latent)]
    total = sum(scale * signs for scale, signs in parts)
    if not np.allclose(total, quantized, atol=1e-5 * np.abs(quantized).max()):
        raise NotBinary("its quantized kernel is not the sum of its quantizer's binary parts")
    kernels = []
    for scale, signs in parts:
        one = split_kernel(per_output(signs))
        kernels.append(BinaryKernel(one.signs, one.scales * np.float32(scale)))
    return kernels


def _conv_window(layer: Any, groups: int) -> Window:
    if layer.data_format != "channels_last":
        raise NotBinary("its data_format is not channels_last")
    return Window(
        tuple(layer.strides),
        tuple(layer.dilation_rate),
        layer.padding,
        int(layer.pad_values),
        groups,
    )


def _standard(
    layer: Any,
    shape: tuple[int, ...],
    window: Window | None,
    per_output: Callable[[np.ndarray], np.ndarray] = lambda kernel: kernel,
) -> Deployment:
    inputs = inputs_of(layer.input_quantizer)
    if isinstance(layer.input_quantizer, ActivationBases) and window and window.pad_value:
        raise NotBinary("its input is a sum of bases, which can be padded with 0 only")
    return Deployment(
        shape,
        _kernel_count(layer),
        lambda: _read_kernels(layer, per_output),
        inputs,
        window,
        _reader(layer.bias if layer.use_bias else None),
        layer.activation,
    )


@describe.register
def _(layer: QuantDense) -> Deployment:
    return _standard(layer, tuple(layer.kernel.shape), None)


@describe.register
def _(layer: QuantDepthwiseConv2D) -> Deployment:
    height, width, channels, multiplier = layer.kernel.shape
    # Keras' (kh, kw, C, M) as a grouped kernel (kh, kw, 1, C * M), channel-major like Keras.
    shape = (height, width, 1, channels * multiplier)
    window = _conv_window(layer, channels)
    return _standard(layer, shape, window, lambda kernel: kernel.reshape(shape))


@describe.register
def _(layer: QuantConv2D) -> Deployment:
    window = _conv_window(layer, layer.groups)
    quantizer = layer.kernel_quantizer
    if isinstance(quantizer, SubgroupSign) and np.prod(quantizer.scales.shape) > 1:
        kernel = layer.kernel
        return taps(layer, lambda: _array(kernel), int(np.prod(layer.kernel_size)), window)
    *rest, filters = layer.kernel.shape
    return _standard(layer, (*rest, filters * getattr(layer, "channels_per_map", 1)), window)


@describe.register
def _(layer: ModulatedConv2D) -> Deployment:
    window = _conv_window(layer, 1)
    factors = math.prod(layer.modulation.shape)
    if not layer.scalar:
        return taps(layer, lambda: _array(layer.kernel), factors, window)
    # y_j = M_j * conv(x, sgn(C)): the K channels of a map share the bits of one filter.
    return Deployment(
        tuple(layer.kernel.shape),
        1,
        lambda: [_unscaled(_array(layer.kernel))],
        inputs_of(layer.input_quantizer),
        window,
        activation=layer.activation,
        factors=factors,
    )


def taps(layer: Any, kernel: Callable[[], np.ndarray], factors: int, window: Window) -> Deployment:
    """A convolution with one float factor per tap, `y[i] = sum_p m[p] * b_p[i * stride + p]`.

    b_p is the 1x1 convolution of x with the signs at tap p, so the file holds one binary 1x1
    convolution with `kh * kw * filters` outputs, and float sums.
    """
    height, width, channels, filters = layer.kernel.shape

    def read_kernels() -> list[BinaryKernel]:
        by_tap = kernel().transpose(2, 0, 1, 3)
        return [_unscaled(by_tap.reshape(1, 1, channels, height * width * filters))]

    return Deployment(
        (1, 1, channels, height * width * filters),
        1,
        read_kernels,
        inputs_of(layer.input_quantizer),
        Window(pad_value=window.pad_value),
        _reader(layer.bias if layer.use_bias else None),
        layer.activation,
        factors,
        taps=height * width,
    )


def _unscaled(kernel: np.ndarray) -> BinaryKernel:
    signs = np.where(kernel < 0, np.float32(-1), np.float32(1))
    return BinaryKernel(signs, np.ones(kernel.shape[-1], np.float32))
