"""What the layers of this package become when they are deployed: their entries in `describe`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_groupnet.deployment.describe import (
    BinaryKernel,
    Deployment,
    Window,
    array_of,
    describe,
    inputs_of,
    reader_of,
    split_kernel,
)
from keras_groupnet.deployment.quantization import NotBinary, quantizer_of
from keras_groupnet.layers import (
    LatentConv2D,
    ModulatedConv2D,
    QuantConv1D,
    QuantConv2D,
    QuantConv2DTranspose,
    QuantConv3D,
    QuantConv3DTranspose,
    QuantDense,
    QuantDepthwiseConv1D,
    QuantDepthwiseConv2D,
)
from keras_groupnet.quantizers import ActivationBases, Int8Activation, Int8Weight, SubgroupSign


def is_of_8_bits(layer: Any) -> bool:
    """Whether a layer is trained for int8: a float layer, whose float numbers have int8 codes."""
    if not isinstance(getattr(layer, "kernel_quantizer", None), Int8Weight):
        return False
    return layer.input_quantizer is None or isinstance(layer.input_quantizer, Int8Activation)


def without_ranges(layer: Any, weights: Sequence[Any]) -> list[Any]:
    """The weights of a layer but for the ranges of int8, of which a file holds scales instead."""
    ranges = {
        id(variable)
        for quantizer in (getattr(layer, "input_quantizer", None), quantizer_of(layer))
        if isinstance(quantizer, Int8Activation)
        for variable in quantizer.variables
    }
    return [variable for variable in weights if id(variable) not in ranges]


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
        return getattr(quantizer, "part_count", bits)
    if quantizer is not None and not hasattr(quantizer, "precision"):
        name = getattr(quantizer, "__name__", type(quantizer).__name__)
        raise NotBinary(
            f"its kernel quantizer {name!r} does not say how many bits it needs: subclass "
            "keras_groupnet.quantizers.Quantizer or set its attribute `precision`"
        )
    if bits != 1:
        raise NotBinary(
            f"its weights have {bits} bits; the ops know sums of 1-bit kernels (a layer of 8 bits "
            "has kernel_quantizer='int8_weight' and input_quantizer='int8_activation' or None)"
        )
    return 1


def _read_kernels(layer: Any, per_output: Callable[[np.ndarray], np.ndarray]) -> list[BinaryKernel]:
    latent = keras.ops.convert_to_tensor(array_of(layer.kernel))
    quantized = array_of(layer.quantize_kernel(latent))
    quantizer = layer.kernel_quantizer
    if not hasattr(quantizer, "binary_parts"):
        return [split_kernel(per_output(quantized))]
    parts = [(float(scale), array_of(signs)) for scale, signs in quantizer.binary_parts(latent)]
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
    if layer.padding == "causal":
        raise NotBinary(
            "its padding is causal, and the ops pad both sides alike: use padding='same' or 'valid'"
        )
    # A convolution along time is one of height 1.
    ahead = (1,) * (2 - len(layer.strides))
    return Window(
        (*ahead, *layer.strides),
        (*ahead, *layer.dilation_rate),
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
        reader_of(layer.bias if layer.use_bias else None),
        layer.activation,
    )


@describe.register
def _(layer: QuantDense) -> Deployment | None:
    if is_of_8_bits(layer):
        return None
    return _standard(layer, tuple(layer.kernel.shape), None)


@describe.register(QuantDepthwiseConv1D)
@describe.register(QuantDepthwiseConv2D)
def _(layer: Any) -> Deployment | None:
    if is_of_8_bits(layer):
        return None
    *taps, channels, multiplier = layer.kernel.shape
    # Keras' (kh, kw, C, M) as a grouped kernel (kh, kw, 1, C * M), channel-major like Keras.
    shape = (*(1,) * (2 - len(taps)), *taps, 1, channels * multiplier)
    window = _conv_window(layer, channels)
    return _standard(layer, shape, window, lambda kernel: kernel.reshape(shape))


@describe.register
def _(layer: QuantConv1D) -> Deployment | None:
    if is_of_8_bits(layer):
        return None
    shape = (1, *layer.kernel.shape)
    window = _conv_window(layer, layer.groups)
    return _standard(layer, shape, window, lambda kernel: kernel[None])


@describe.register(QuantConv3D)
@describe.register(QuantConv3DTranspose)
def _(layer: Any) -> Deployment | None:
    if is_of_8_bits(layer):
        return None
    raise NotBinary(
        "there is no op for convolutions over three axes: use 2-D convolutions of the slices "
        "(keras.layers.TimeDistributed), or leave the layer float"
    )


@describe.register
def _(layer: QuantConv2DTranspose) -> Deployment | None:
    """One 1x1 convolution with an output for each tap and filter, and float sums of these."""
    if is_of_8_bits(layer):
        return None
    if isinstance(layer.input_quantizer, ActivationBases):
        raise NotBinary("its input is a sum of bases, which transposed convolutions cannot take")
    if layer.data_format != "channels_last":
        raise NotBinary("its data_format is not channels_last")
    height, width, filters, channels = layer.kernel.shape
    shape = (1, 1, channels, height * width * filters)

    def read_kernels() -> list[BinaryKernel]:
        # One magnitude for each output channel, whichever tap.
        kernels = _read_kernels(layer, lambda kernel: kernel.swapaxes(-1, -2))
        return [
            BinaryKernel(
                kernel.signs.transpose(2, 0, 1, 3).reshape(shape),
                np.tile(kernel.scales, height * width),
            )
            for kernel in kernels
        ]

    return dataclasses.replace(
        _standard(layer, shape, Window()),
        read_kernels=read_kernels,
        factors=filters,
        taps=height * width,
    )


@describe.register
def _(layer: QuantConv2D) -> Deployment | None:
    if is_of_8_bits(layer):
        return None
    window = _conv_window(layer, layer.groups)
    quantizer = layer.kernel_quantizer
    if isinstance(quantizer, SubgroupSign) and np.prod(quantizer.scales.shape) > 1:
        kernel = layer.kernel
        return taps(layer, lambda: array_of(kernel), int(np.prod(layer.kernel_size)), window)
    *rest, filters = layer.kernel.shape
    return _standard(layer, (*rest, filters * getattr(layer, "channels_per_map", 1)), window)


@describe.register
def _(layer: ModulatedConv2D) -> Deployment:
    window = _conv_window(layer, 1)
    factors = math.prod(layer.modulation.shape)
    if not layer.scalar:
        return taps(layer, lambda: array_of(layer.kernel), factors, window)
    # y_j = M_j * conv(x, sgn(C)): the K channels of a map share the bits of one filter.
    return Deployment(
        tuple(layer.kernel.shape),
        1,
        lambda: [_unscaled(array_of(layer.kernel))],
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
        reader_of(layer.bias if layer.use_bias else None),
        layer.activation,
        factors,
        taps=height * width,
    )


def _unscaled(kernel: np.ndarray) -> BinaryKernel:
    signs = np.where(kernel < 0, np.float32(-1), np.float32(1))
    return BinaryKernel(signs, np.ones(kernel.shape[-1], np.float32))
