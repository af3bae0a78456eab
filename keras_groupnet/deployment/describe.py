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
from keras_groupnet.quantizers import ActivationBases


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
        taps: of how many taps of a larger window the 1×1 kernel holds the outputs, as
            `quant_layers.taps` says; 0 for a kernel that is the layer's own.
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
        lambda: [split_kernel(array_of(kernel()))],
        inputs_of(input_quantizer),
        bias=reader_of(bias),
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
        lambda: [split_kernel(array_of(kernel()))],
        inputs_of(input_quantizer),
        window,
        reader_of(bias),
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
    offsets = array_of(quantizer.shifts) - np.float32(0.5)
    return tuple(
        Input(SIGN, float(offset), float(factor))
        for offset, factor in zip(offsets, array_of(quantizer.scales), strict=True)
    )


def array_of(value: Any) -> np.ndarray:
    """A variable or tensor as float32."""
    return np.asarray(keras.ops.convert_to_numpy(value), np.float32)


def reader_of(variable: Any) -> Callable[[], np.ndarray] | None:
    """What reads a variable when it is needed; None for None."""
    return None if variable is None else lambda: array_of(variable)
