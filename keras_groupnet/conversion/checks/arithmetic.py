"""The arithmetic of docs/ops.md in numpy, for checking files: packed tensors, sums, epilogues."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_groupnet.conversion.passes.epilogue import (
    AFTER_ADDENDS,
    BEFORE_ADDENDS,
    RELU_BEFORE_ADDENDS,
)
from keras_groupnet.deployment import Quantization, Window
from keras_groupnet.deployment.same_padding import same_padding


def unpacked(packed: np.ndarray, bits: int, channels: int) -> np.ndarray:
    """Packed `[..., bits * W]` -> float32 ±1 (1 bit) or codes `[..., C]`."""
    words = packed.shape[-1] // bits
    octets = np.ascontiguousarray(packed.astype("<i4")).view(np.uint8)
    planes = np.unpackbits(octets, axis=-1, bitorder="little")
    planes = planes.reshape(*packed.shape[:-1], bits, words * 32)[..., :channels]
    if bits == 1:
        return np.float32(1) - np.float32(2) * planes[..., 0, :]
    weights = (1 << np.arange(bits)).astype(np.float32)
    return np.einsum("...mc,m->...c", planes.astype(np.float32), weights)


def quantized(y: np.ndarray, bits: int, scale: float) -> np.ndarray:
    """`quantize(y, bits, scale)` of docs/ops.md: float32 -> ±1 (1 bit) or codes."""
    if bits == 1:
        return np.where(y < 0, np.float32(-1), np.float32(1))
    codes = np.rint(y.astype(np.float32) * np.float32(scale))
    return np.nan_to_num(np.clip(codes, 0, 2**bits - 1), nan=0.0).astype(np.float32)


def clipped_unnoticed(value: np.ndarray, x: np.ndarray, quantization: Quantization) -> np.ndarray:
    """The file's values in front of a quantizer, in Keras' range where that changes no code.

    The file leaves out activations that the quantizer cannot notice, Keras has computed them.

    Args:
        value: the file's.
        x: Keras'.
        quantization: what both are quantized by.
    """
    low, high = x.min(initial=0), x.max(initial=0)
    if quantization.bits == 1:
        noticed_low, noticed_high = low >= 0, high < 0
    else:
        noticed_low, noticed_high = low > 0, high * quantization.scale < 2**quantization.bits - 1
    lowest, highest = -np.inf if noticed_low else low, np.inf if noticed_high else high
    clipped: np.ndarray = np.clip(value, lowest, highest)
    return clipped


def max_pooled(
    values: np.ndarray, options: dict[str, Any], minimum: np.ndarray | None = None
) -> np.ndarray:
    """Floats pooled as KgnMaxPool2D pools what they are quantized to.

    Args:
        values: `(N, H, W, C)`.
        options: of the op.
        minimum: its second input.
    """
    sign = np.ones(values.shape[-1], np.float32)
    if minimum is not None:
        sign = unpacked(minimum, 1, values.shape[-1])
    window = [options["filter_height"], options["filter_width"]]
    strides = [options["stride_height"], options["stride_width"]]
    padding = "VALID" if options["padding"] else "SAME"
    pooled: np.ndarray = tf.nn.max_pool2d(values * sign, window, strides, padding).numpy()
    return pooled * sign


def sums(values: np.ndarray, signs: np.ndarray, window: Window | None) -> np.ndarray:
    """The sums of products of values with ±1: whole numbers, where the values are.

    Args:
        values: `(N, H, W, Cin)`, or `(..., Cin)` for a matrix product.
        signs: `(kh, kw, Cin / groups, Cout)`, or `(Cin, Cout)`.
        window: of the convolution; None for a matrix product.
    """
    if window is None:
        return values @ signs
    strides, dilations = window.strides, window.dilation
    padding = window.padding.upper()
    if window.padding == "same" and window.pad_value:
        edges = [
            same_padding(*geometry)
            for geometry in zip(values.shape[1:3], signs.shape[:2], strides, dilations, strict=True)
        ]
        border = [(0, 0), *edges, (0, 0)]
        values = np.pad(values, border, constant_values=np.float32(window.pad_value))
        padding = "VALID"
    count = window.groups
    grouped = zip(np.split(values, count, axis=-1), np.split(signs, count, axis=-1), strict=True)
    return np.concatenate(
        [
            tf.nn.conv2d(one, kernel, strides, padding, dilations=dilations).numpy()
            for one, kernel in grouped
        ],
        axis=-1,
    )


def epilogue(
    acc: np.ndarray,
    options: dict[str, Any],
    multiplier: np.ndarray,
    bias: np.ndarray,
    pixel_scale: np.ndarray | None = None,
    addend: np.ndarray | None = None,
    addend_multiplier: np.ndarray | None = None,
    second_addend: np.ndarray | None = None,
    slope: np.ndarray | None = None,
    offset: np.ndarray | None = None,
) -> np.ndarray:
    """The float value that the epilogue of KgnConv2D or KgnDense makes of the sums.

    Args:
        acc: `[..., Cout]`.
        options: of the op.
        multiplier: `[Cout]`.
        bias: `[Cout]`.
        pixel_scale: `[..., 1]`, or a value a channel.
        addend: `[..., Cout]`.
        addend_multiplier: `[Cout]`.
        second_addend: `[..., Cout]`.
        slope: `[Cout]`.
        offset: `[Cout]`.
    """
    v = acc.astype(np.float32)
    if options["pre_activation"]:
        v = np.maximum(v, np.float32(0))
    if pixel_scale is not None:
        v = v * pixel_scale
    y = multiplier * v + bias
    if options["activation"] == RELU_BEFORE_ADDENDS:
        y = np.maximum(y, np.float32(0))
    if options["activation"] == BEFORE_ADDENDS:
        y = _activated(y, options, slope, offset)
    if addend is not None:
        y = y + (addend if addend_multiplier is None else addend_multiplier * addend)
    if second_addend is not None:
        y = y + second_addend
    if options["activation"] == AFTER_ADDENDS:
        y = _activated(y, options, slope, offset)
    return y


def _activated(
    y: np.ndarray, options: dict[str, Any], slope: np.ndarray | None, offset: np.ndarray | None
) -> np.ndarray:
    """The general activation, `act` of docs/ops.md."""
    if slope is not None:
        y = np.where(y < 0, slope * y, y)
    low, high = np.float32(options["activation_min"]), np.float32(options["activation_max"])
    if np.isfinite(low) or np.isfinite(high):
        y = np.minimum(np.maximum(y, low), high)
    return y if offset is None else y + offset
