"""What a quantizer of activations becomes: a number of bits and the value of one step.

`describe_quantizer` is a registry. A quantizer of your own whose values are ±1 (1 bit) or whole
multiples 0 ... 2^bits - 1 of a step needs no entry if it has the attributes `precision` and, for
more than one bit, `beta` (the largest value): it is then tried on a few numbers. Register what is
another function in front of such a quantizer:

    @describe_quantizer.register
    def _(quantizer: ShiftedSign) -> Quantization:
        return Quantization(1, SteSign(), before=lambda x: x + quantizer.shift)
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_groupnet.quantizers import (
    DoReFa,
    HalfWaveGaussian,
    Int8Activation,
    KBitActivation,
    LearnedStepActivation,
    PactActivation,
    RSign,
    SteHeaviside,
    SteSign,
)
from keras_groupnet.quantizers.int8_activation import int8_activation

PACKED_BITS = (1, 2, 4)


class NotBinary(Exception):
    """A layer or quantizer cannot become one of our ops; the message says why."""


@dataclasses.dataclass(frozen=True)
class Quantization:
    """`quantizer(before(x))`, where `quantizer` is sign or uniform.

    Attributes:
        bits: of one value: 1 for ±1, else codes 0 ... 2^bits - 1.
        quantizer: float tensor to quantized float tensor.
        beta: the value of the largest code; not used for ±1.
        before: of `keras.ops`, what the quantizer is applied to; None for its input itself.
        zero_point: the code of 0 where codes are TFLite's int8; None for any other quantizer.
    """

    bits: int
    quantizer: Callable[[Any], Any]
    beta: float = 1.0
    before: Callable[[Any], Any] | None = None
    zero_point: int | None = None

    @property
    def scale(self) -> float:
        """By how much a value is multiplied to be rounded to its code; 1 for ±1."""
        return 1.0 if self.bits == 1 else (2**self.bits - 1) / self.beta

    @property
    def step(self) -> float:
        """The value of code 1, as float32 computes it; 1 for ±1."""
        return float(np.float32(1.0 / self.scale))

    @property
    def packed(self) -> bool:
        """Whether our ops know this number of bits."""
        return self.bits in PACKED_BITS


@functools.singledispatch
def describe_quantizer(quantizer: Any) -> Quantization:
    """What a quantizer of activations becomes in a converted file.

    Args:
        quantizer: any callable with an attribute `precision`; its class may be registered.

    Raises:
        NotBinary: if it is neither a sign nor uniform; the message says what to do.
    """
    bits = getattr(quantizer, "precision", None)
    if not isinstance(bits, int):
        raise NotBinary(
            f"its input quantizer {_name(quantizer)} does not say how many bits it needs: subclass "
            "keras_groupnet.quantizers.Quantizer or set its attribute `precision`"
        )
    beta = float(getattr(quantizer, "beta", 1.0))
    levels = 2**bits - 1
    probe = np.linspace(-1.5 * beta, 1.5 * beta, 67, dtype=np.float32)
    if bits == 1:
        expected = np.where(probe >= 0, 1.0, -1.0)
    else:
        expected = np.round(np.clip(probe, 0, beta) * levels / beta) * beta / levels
    try:
        values = keras.ops.convert_to_numpy(quantizer(keras.ops.convert_to_tensor(probe)))
        same = values.shape == probe.shape and np.allclose(
            values, expected, atol=1e-5 * max(beta, 1)
        )
    except Exception:  # a quantizer per channel, say, takes no vector of 67 numbers
        same = False
    if not same:
        raise NotBinary(
            f"its input quantizer {_name(quantizer)} is neither sign(x) nor the uniform quantizer "
            "step * round(clip(x, 0, beta) / step); register what it is with "
            "keras_groupnet.deployment.describe_quantizer"
        )
    return _uniform(quantizer, bits, beta)


@describe_quantizer.register
def _(quantizer: KBitActivation) -> Quantization:
    if type(quantizer) is not KBitActivation:
        return _tried(quantizer)
    return _uniform(quantizer, quantizer.bits, quantizer.beta)


@describe_quantizer.register
def _(quantizer: HalfWaveGaussian) -> Quantization:
    """The uniform quantizer of its levels, behind float ops that lift small positive values."""
    uniform = quantizer.uniform
    return Quantization(2, uniform, uniform.beta, before=quantizer.lift)


@describe_quantizer.register
def _(quantizer: SteHeaviside) -> Quantization:
    return _zero_or_one(0.0) if type(quantizer) is SteHeaviside else _tried(quantizer)


@describe_quantizer.register
def _(quantizer: DoReFa) -> Quantization:
    if type(quantizer) is not DoReFa:
        return _tried(quantizer)
    if quantizer.mode != "activations":
        raise NotBinary(
            "its input quantizer is DoReFa(mode='weights'), whose levels depend on all values of "
            "a tensor: use mode='activations'"
        )
    if quantizer.precision == 1:
        return _zero_or_one(0.5)  # a half is rounded to even, to 0
    return _uniform(quantizer, quantizer.precision, 1.0)


@describe_quantizer.register
def _(quantizer: RSign) -> Quantization:
    """The sign, behind one addition."""
    return Quantization(1, SIGN.quantizer, before=quantizer.shifted)


@describe_quantizer.register(LearnedStepActivation)
@describe_quantizer.register(PactActivation)
def _(quantizer: LearnedStepActivation | PactActivation) -> Quantization:
    """The uniform quantizer with what has been learned so far."""
    uniform = KBitActivation(quantizer.bits, quantizer.beta)
    return _uniform(uniform, uniform.bits, uniform.beta)


@describe_quantizer.register
def _(quantizer: Int8Activation) -> Quantization:
    """The step between its codes, which go down to -128: `beta` is the width of the range."""
    scale, zero_point = quantizer.scale_and_zero_point()
    levels = functools.partial(int8_activation, scale=scale, zero_point=zero_point)
    return Quantization(8, levels, 255 * scale, zero_point=zero_point)


def _tried(quantizer: Any) -> Quantization:
    """That of a subclass, which may compute something else than the class."""
    return describe_quantizer.dispatch(object)(quantizer)


def _uniform(quantizer: Callable[[Any], Any], bits: int, beta: float) -> Quantization:
    """A uniform quantizer. The ops have no 3 bits: these are the codes 0 ... 7 of 4 bits."""
    if bits != 3:
        return Quantization(bits, quantizer, beta)
    codes = KBitActivation(4, beta * 15 / 7)  # the same step
    return Quantization(4, codes, codes.beta, lambda x: keras.ops.minimum(x, beta))


def _zero_or_one(threshold: float) -> Quantization:
    """1 above the threshold, else 0: two of the codes of 2 bits, behind a comparison of floats."""
    codes = KBitActivation(2, 3.0)
    return Quantization(2, codes, codes.beta, lambda x: keras.ops.cast(x > threshold, x.dtype))


def quantizer_of(layer: keras.layers.Layer) -> Callable[[Any], Any] | None:
    """The quantizer that a layer without weights is: a `Quantize`, or an `Activation` of one."""
    from keras_groupnet.layers import Quantize
    from keras_groupnet.quantizers import Quantizer

    if isinstance(layer, Quantize):
        return layer.quantizer
    activation = getattr(layer, "activation", None)
    if isinstance(layer, keras.layers.Activation) and isinstance(activation, Quantizer):
        return activation
    return None


SIGN = Quantization(1, SteSign())


def _name(quantizer: Any) -> str:
    return repr(getattr(quantizer, "__name__", type(quantizer).__name__))
