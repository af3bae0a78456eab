"""Larq Compute Engine's ops restated in numpy, without any regard for speed.

Options are keyword arguments named as in the file. Bit-exact, except that zero padding adds exactly
nothing here, as in LCE's reference kernel, where LCE's fast kernels round once more.
"""

import numpy as np

from tests.runtime.reference_ops import convolve, pack_bits, same_or_valid, unpack_bits

ACTIVATIONS = {
    0: (-np.inf, np.inf),
    1: (0, np.inf),
    2: (-1, 1),
    3: (0, 6),
}


def lce_quantize(x, zero_point=0):
    """Float32, int8 or bool `[..., C]` -> packed; a bool counts as 0 or 1, its zero point as 1."""
    return pack_bits(~x if x.dtype == bool else x < zero_point)


def lce_dequantize(x, channels, dtype, scale=1.0, zero_point=0):
    """Packed -> `[..., channels]` of +1 and -1."""
    bits = unpack_bits(x, channels)
    if dtype is bool:
        return ~bits
    if dtype == np.float32:
        return np.where(bits, np.float32(-1), np.float32(1))
    unit = np.floor(np.float32(1) / np.float32(scale) + np.float32(0.5))
    values = zero_point + np.where(bits, -unit, unit)
    return np.clip(values, -128, 127).astype(np.int8)


def _round_away(y):
    """Half away from zero; adding 0.5 to a float32 would itself round."""
    whole = np.trunc(y)
    return whole + np.where(np.abs(y - whole) >= 0.5, np.sign(y), 0)


def lce_bconv2d(x, weights, multiplier, bias, thresholds, *, dtype, scale=1.0, zero_point=0, **o):
    """A binary convolution.

    Args:
        x: packed `[N, H, W, ceil(C_in / 32)]`.
        weights: packed `[C_out, kh, kw, ceil(C_in / groups / 32)]`.
        multiplier, bias: float32 `[C_out]`; None for packed output.
        thresholds: int32 `[C_out]`; None for other outputs.
        dtype: of the output: float32, int8 or int32 (packed).
        scale, zero_point: of an int8 output.
        **o: the op's options.
    """
    channels, words = o["channels_in"], weights.shape[3]
    groups = x.shape[3] // words
    depth = channels // groups
    values = 1.0 - 2.0 * unpack_bits(x, channels)
    signs = 1.0 - 2.0 * unpack_bits(weights, depth)
    stride = o["stride_height"], o["stride_width"]
    dilation = o["dilation_height_factor"], o["dilation_width_factor"]
    acc = convolve(values, signs, stride, dilation, o["padding"], o["pad_values"], groups)

    products = signs[0].size
    twice = products - acc  # 2 * popcount(x xor w)
    if dtype == np.int32:
        return pack_bits(twice > 2 * thresholds.astype(np.int64))
    low, high = ACTIVATIONS[o["fused_activation_function"]]
    twice = np.clip(twice, products - min(high, products), products - max(low, -products))
    multiplier, bias = multiplier.astype(np.float64), bias.astype(np.float64)
    scale = np.float64(np.float32(scale)) if dtype == np.int8 else 1.0
    zero_point = zero_point if dtype == np.int8 else 0
    multiplier, bias = (
        (-multiplier / scale).astype(np.float32),
        ((bias + products * multiplier) / scale + zero_point).astype(np.float32),
    )
    y = twice.astype(np.float32) * multiplier + bias
    return np.clip(_round_away(y), -128, 127).astype(np.int8) if dtype == np.int8 else y


def lce_bmaxpool2d(x, *, filter_height, filter_width, stride_height, stride_width, padding):
    """The maximum of ±1 is the *and* of the bits."""
    _, height, width, _ = x.shape
    oh, top, bottom = same_or_valid(height, filter_height, stride_height, 1, padding)
    ow, left, right = same_or_valid(width, filter_width, stride_width, 1, padding)
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=-1)
    windows = [
        x[
            :,
            i : i + (oh - 1) * stride_height + 1 : stride_height,
            j : j + (ow - 1) * stride_width + 1 : stride_width,
        ]
        for i in range(filter_height)
        for j in range(filter_width)
    ]
    return np.bitwise_and.reduce(windows)
