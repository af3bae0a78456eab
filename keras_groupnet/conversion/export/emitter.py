"""Emits our ops while a model is traced: each as a composite whose body is its float maths."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_groupnet.conversion.export.composite import composite
from keras_groupnet.conversion.export.origin import KERNEL, QUANTIZED, SCALE_MAP, Origin
from keras_groupnet.conversion.weights.bitpack import pack_bits, pack_kernel
from keras_groupnet.deployment import BinaryKernel, Input, Quantization, Window
from keras_groupnet.deployment.same_padding import same_padding

_EPILOGUE: dict[str, int | float] = {
    **{"version": 1, "bits": 32, "pre_activation": 0, "activation": 0},
    **{"float_output": 1, "out_bits": 0, "out_scale": 1.0},
}


class Emitter:
    """Emits ops (docs/ops.md) in the name of one layer.

    Every op carries its `Origin` as the string attribute `origin`; the first pass makes it the name
    of a tensor and takes it out of the options.

    Args:
        layer: name of the layer.
    """

    def __init__(self, layer: str):
        self.layer = layer
        self.calls = 0
        self._parts: dict[str, int] = {}

    def next_call(self) -> None:
        """What is emitted from here on belongs to another call of the layer."""
        self.calls += 1
        self._parts = {}

    def quantize(self, quantization: Quantization, x: Any) -> Any:
        """Emits a quantizer, float to float; what is neither packed nor int8 as float ops.

        Args:
            quantization: what it is.
            x: float tensor.
        """
        if quantization.before is not None:
            x = quantization.before(x)
        if quantization.zero_point is not None:
            options = {"bits": quantization.bits, "scale": quantization.step}
            options |= {"zero_point": quantization.zero_point}
        elif quantization.packed:
            options = {"bits": quantization.bits, "scale": float(quantization.scale)}
        else:
            return quantization.quantizer(x)
        return self._emit(QUANTIZED, "KgnFakeQuantize", options, quantization.quantizer, x)

    def read(self, source: Input, x: Any) -> Any:
        """Emits what kernels read of `x`, but for the factor."""
        if source.quantization is None:
            return x
        return self.quantize(source.quantization, x + source.offset if source.offset else x)

    def conv2d(
        self,
        x: Any,
        kernel: BinaryKernel,
        window: Window,
        factor: float = 1.0,
        bias: np.ndarray | None = None,
    ) -> Any:
        """Emits `factor * scales * conv(x, signs) + bias` as KgnConv2D.

        Args:
            x: `(N, H, W, Cin)`, float; a pass gives the op packed activations where it can.
            kernel: signs `(kh, kw, Cin / groups, Cout)` and scales.
            window: strides, dilation, padding, groups.
            factor: of the sums.
            bias: `(Cout,)`.
        """
        channels_in = x.shape[-1]
        same, pad = window.padding == "same", window.pad_value
        (sh, sw), (dh, dw) = window.strides, window.dilation

        def body(x, words, multiplier, bias):
            signs = _unpacked(words, channels_in // window.groups)
            padding = "SAME" if same else "VALID"
            if same and pad:
                edges = [
                    _same_padding(x, 1 + i, words.shape[1 + i], s, d)
                    for i, (s, d) in enumerate(((sh, dh), (sw, dw)))
                ]
                x = tf.pad(x, [(0, 0), *edges, (0, 0)], constant_values=float(pad))
                padding = "VALID"
            return tf.nn.conv2d(x, signs, (sh, sw), padding, dilations=(dh, dw)) * multiplier + bias

        options = {"channels_in": channels_in, "groups": window.groups, "stride_height": sh}
        options |= {"stride_width": sw, "dilation_height": dh, "dilation_width": dw}
        options |= {"padding": 0 if same else 1, "pad_value": pad}
        words = pack_kernel(kernel.signs)
        return self._kernel_op("KgnConv2D", options, body, x, words, kernel, factor, bias)

    def dense(
        self, x: Any, kernel: BinaryKernel, factor: float = 1.0, bias: np.ndarray | None = None
    ) -> Any:
        """Emits `factor * scales * (x @ signs) + bias` as KgnDense.

        Args:
            x: `(..., Cin)`, float.
            kernel: signs `(Cin, Cout)` and scales.
            factor: of the sums.
            bias: `(Cout,)`.
        """
        channels_in = x.shape[-1]

        def body(x, words, multiplier, bias):
            return tf.matmul(x, _unpacked(words, channels_in)) * multiplier + bias

        flat = x if len(x.shape) == 2 else tf.reshape(x, (-1, channels_in))
        words = pack_bits(np.moveaxis(kernel.signs, -1, 0) < 0)
        options = {"channels_in": channels_in}
        y = self._kernel_op("KgnDense", options, body, flat, words, kernel, factor, bias)
        if len(x.shape) == 2:
            return y
        known = [-1 if n is None else n for n in x.shape[:-1]]
        outer = known if known.count(-1) < 2 else tf.unstack(tf.shape(x))[:-1]
        return tf.reshape(y, (*outer, y.shape[-1]))

    def scale_map(self, layer: Any, x: Any) -> Any:
        """Emits XNOR-Net's scale map of an `ActivationScale(mode="xnor")` as KgnScaleMap."""
        options = {"version": 1, "padding": 0 if layer.padding == "same" else 1}
        for name, pair in (
            ("kernel", layer.kernel_size),
            ("stride", layer.strides),
            ("dilation", layer.dilation_rate),
        ):
            options[f"{name}_height"], options[f"{name}_width"] = pair
        return self._emit(SCALE_MAP, "KgnScaleMap", options, type(layer).call.__get__(layer), x)

    def _kernel_op(self, name, options, body, x, words, kernel, factor, bias):
        multiplier = kernel.scales * np.float32(factor)
        bias = np.zeros_like(multiplier) if bias is None else bias
        constants = map(tf.constant, (words, multiplier, bias))
        return self._emit(KERNEL, name, {**options, **_EPILOGUE}, body, x, *constants)

    def _emit(self, what, name, options, body, *inputs):
        part = self._parts.get(what, 0)
        self._parts[what] = part + 1
        origin = str(Origin(self.layer, what, self.calls - 1, part))
        return composite(name, {**options, "origin": origin}, body, *inputs)


def _unpacked(words, channels: int):
    """±1 float kernel, output channels last, from packed words: the inverse of packing."""
    bits = tf.bitwise.bitwise_and(tf.bitwise.right_shift(words[..., None], tf.range(32)), 1)
    bits = tf.reshape(bits, (*words.shape[:-1], words.shape[-1] * 32))[..., :channels]
    values = 1.0 - 2.0 * tf.cast(bits, tf.float32)
    return tf.transpose(values, (*range(1, len(values.shape)), 0))


def _same_padding(x, axis: int, kernel: int, stride: int, dilation: int):
    """`same_padding` along an axis whose size may be known at run time only."""
    if x.shape[axis] is not None:
        return same_padding(x.shape[axis], kernel, stride, dilation)
    size = tf.shape(x)[axis]
    needed = (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1
    total = tf.maximum(needed - size, 0)
    return total // 2, total - total // 2
