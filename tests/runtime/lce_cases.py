"""Random inputs for Larq Compute Engine's ops: one line a case, its options by name.

LCE's interpreter offers no packed tensors to the outside: every case starts with LceQuantize and
ends with what its last op gives, through LceDequantize if that is packed.
"""

import zlib

import numpy as np

from tests.runtime import reference_lce as lce
from tests.runtime.model_builder import ModelBuilder
from tests.runtime.reference_ops import pack_bits

BCONV2D_DEFAULTS = {
    "dilation_height_factor": 1,
    "dilation_width_factor": 1,
    "fused_activation_function": 0,
    "pad_values": 1,
    "padding": 0,
    "stride_height": 1,
    "stride_width": 1,
}


class LceCase:
    """A file with one input and one output.

    Attributes:
        model: its bytes.
        x: the input.
        expected: what LCE answers.
    """

    def __init__(self, model, x, expected):
        self.model, self.x, self.expected = model, x, expected


def _random(*description):
    return np.random.default_rng(zlib.crc32(repr(description).encode()))


def _start(shape):
    """A builder with a float input that is quantised, the input's values and the packed ones."""
    builder = ModelBuilder()
    random = _random("start", shape)
    x = random.standard_normal(shape).astype(np.float32)
    packed = builder.tensor((*shape[:3], -(-shape[3] // 32)), np.int32)
    builder.custom("LceQuantize", [builder.input(shape)], [packed], b"")
    return builder, packed, x, lce.lce_quantize(x)


def _finish(builder, packed, words, channels):
    """Ends a packed tensor by a float one; returns the model and the values."""
    y = builder.tensor((*words.shape[:-1], channels))
    builder.custom("LceDequantize", [packed], [y], b"")
    return builder.finish([y]), lce.lce_dequantize(words, channels, np.float32)


def bconv2d(
    channels_in=64,
    channels_out=40,
    kernel=(3, 3),
    size=(1, 7, 6),
    groups=1,
    dtype=np.float32,
    quantization=(0.11, -3),
    thresholds=None,
    **options,
):
    """LceBconv2d; `thresholds`: "extreme" for ones that nothing or everything passes, too."""
    options = {**BCONV2D_DEFAULTS, "channels_in": channels_in, **options}
    random = _random(channels_in, channels_out, kernel, size, groups, str(dtype), sorted(options))
    builder, packed, x, words = _start((*size, channels_in))
    depth = channels_in // groups
    weights = pack_bits(random.integers(0, 2, (channels_out, *kernel, depth)) > 0)
    multiplier, bias, limits = None, None, None
    if dtype == np.int32:
        products = kernel[0] * kernel[1] * depth
        limits = random.normal(products / 2, products**0.5 / 2, channels_out).astype(np.int32)
        if thresholds == "extreme":
            limits[:4] = [-1, -(2**31), products, 2**31 - 1]
    else:
        multiplier = (random.standard_normal(channels_out) * 0.1).astype(np.float32)
        bias = random.standard_normal(channels_out).astype(np.float32)
    expected = lce.lce_bconv2d(
        words,
        weights,
        multiplier,
        bias,
        limits,
        dtype=dtype,
        scale=quantization[0],
        zero_point=quantization[1],
        **options,
    )
    constants = [builder.constant(value) for value in (weights, multiplier, bias, limits)]
    y = builder.tensor(expected.shape, dtype, quantization if dtype == np.int8 else None)
    builder.custom("LceBconv2d", [packed, *constants], [y], options)
    if dtype == np.int32:
        model, expected = _finish(builder, y, expected, channels_out)
    else:
        model = builder.finish([y])
    return LceCase(model, x, expected)


def bmaxpool2d(shape=(1, 7, 6, 40), window=(3, 3), strides=(2, 2), padding=0):
    options = {
        "filter_height": window[0],
        "filter_width": window[1],
        "padding": padding,
        "stride_height": strides[0],
        "stride_width": strides[1],
    }
    builder, packed, x, words = _start(shape)
    pooled = lce.lce_bmaxpool2d(words, **options)
    y = builder.tensor(pooled.shape, np.int32)
    builder.custom("LceBMaxPool2d", [packed], [y], options)
    model, expected = _finish(builder, y, pooled, shape[3])
    return LceCase(model, x, expected)


def quantize(dtype=np.float32, shape=(1, 5, 4, 70), quantization=None):
    """LceQuantize, and LceDequantize to float."""
    random = _random("quantize", str(dtype), shape)
    if dtype == np.float32:
        x = random.standard_normal(shape).astype(dtype)
        x.flat[:4] = [0.0, -0.0, np.inf, -np.inf]
    else:
        x = random.integers(-128, 128, shape).astype(np.int8)
        x = x < 0 if dtype is bool else x
    words = lce.lce_quantize(x, quantization[1] if quantization else 0)
    builder = ModelBuilder()
    packed = builder.tensor(words.shape, np.int32)
    given = builder.input(shape, dtype, quantization=quantization)
    builder.custom("LceQuantize", [given], [packed], b"")
    model, expected = _finish(builder, packed, words, shape[-1])
    return LceCase(model, x, expected)


def dequantize(dtype, shape=(1, 5, 4, 70), quantization=None):
    """LceDequantize to another type than float."""
    builder, packed, x, words = _start(shape)
    scale, zero_point = quantization or (1.0, 0)
    expected = lce.lce_dequantize(words, shape[-1], dtype, scale, zero_point)
    y = builder.tensor(shape, dtype, quantization)
    builder.custom("LceDequantize", [packed], [y], b"")
    return LceCase(builder.finish([y]), x, expected)


CASES = {
    "quantize float": quantize(),
    "quantize int8": quantize(np.int8, quantization=(0.5, 0)),
    "quantize int8, zero point": quantize(np.int8, quantization=(0.1, -7)),
    "quantize int8, words": quantize(np.int8, shape=(1, 3, 3, 64), quantization=(0.1, 127)),
    "quantize bool": quantize(bool),
    "dequantize int8": dequantize(np.int8, quantization=(0.02, 3)),
    "dequantize int8, words": dequantize(np.int8, (1, 3, 3, 64), quantization=(0.4, -5)),
    "dequantize int8, saturated": dequantize(np.int8, quantization=(0.005, 100)),
    "dequantize bool": dequantize(bool),
    "max pool": bmaxpool2d(),
    "max pool valid": bmaxpool2d(window=(2, 3), strides=(1, 2), padding=1),
    "max pool, strides over the window": bmaxpool2d(window=(1, 2), strides=(3, 3)),
    "conv": bconv2d(),
    "conv valid": bconv2d(padding=1),
    "conv valid, zeros": bconv2d(padding=1, pad_values=0),
    "conv zeros": bconv2d(pad_values=0),
    "conv 24 channels": bconv2d(channels_in=24, channels_out=20),
    "conv 1x1": bconv2d(kernel=(1, 1), channels_in=128, channels_out=64),
    "conv 5x2": bconv2d(kernel=(5, 2), channels_in=33, channels_out=7),
    "conv strides": bconv2d(stride_height=2, stride_width=3),
    "conv dilation": bconv2d(dilation_height_factor=2, dilation_width_factor=3, size=(1, 9, 11)),
    "conv relu": bconv2d(fused_activation_function=1),
    "conv relu -1..1": bconv2d(fused_activation_function=2),
    "conv relu6": bconv2d(fused_activation_function=3),
    "conv relu6, odd products": bconv2d(
        channels_in=3, kernel=(1, 3), fused_activation_function=3, padding=1
    ),
    "conv 2 groups": bconv2d(groups=2),
    "conv 4 groups of 64": bconv2d(groups=4, channels_in=256, channels_out=16),
    "conv 2 groups, relu, strides": bconv2d(
        groups=2, fused_activation_function=1, stride_height=2, stride_width=2
    ),
    "conv int8": bconv2d(dtype=np.int8),
    "conv int8, saturated": bconv2d(dtype=np.int8, quantization=(0.01, 17)),
    "conv int8, halves": bconv2d(dtype=np.int8, quantization=(0.5, 0), channels_in=32),
    "conv int8, relu6": bconv2d(dtype=np.int8, fused_activation_function=3),
    "conv int8, relu -1..1, groups": bconv2d(
        dtype=np.int8, fused_activation_function=2, groups=2, channels_out=34
    ),
    "conv int8, strides, valid": bconv2d(
        dtype=np.int8, stride_height=2, stride_width=2, padding=1, channels_in=40
    ),
    "conv int8, 1x1": bconv2d(dtype=np.int8, kernel=(1, 1), channels_out=70),
    "conv packed": bconv2d(dtype=np.int32),
    "conv packed, extreme thresholds": bconv2d(dtype=np.int32, thresholds="extreme"),
    "conv packed, valid": bconv2d(dtype=np.int32, padding=1, channels_in=33, channels_out=33),
    "conv packed, 2 groups": bconv2d(dtype=np.int32, groups=2, channels_out=64),
    "conv packed, groups inside a word": bconv2d(dtype=np.int32, groups=2, channels_out=34),
    "conv packed, dilation": bconv2d(
        dtype=np.int32, dilation_height_factor=2, dilation_width_factor=2, size=(1, 9, 9)
    ),
}
