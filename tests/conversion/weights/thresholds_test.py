"""Thresholds against the epilogue, for every accumulator there is."""

import numpy as np
import pytest

from keras_groupnet.conversion.weights.thresholds import thresholds
from tests.runtime.reference_ops import _epilogue, unpack


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("out_bits", [1, 2, 4])
@pytest.mark.parametrize("options", [{}, {"pre_activation": 1}, {"activation": 1}], ids=str)
@pytest.mark.parametrize("affine", [False, True])
def test_every_accumulator(bits, out_bits, options, affine):
    random = np.random.default_rng(bits + 10 * out_bits)
    channels, products = 40, 9 * 3
    settings = {"pre_activation": 0, "activation": 0, "bits": bits, "out_bits": out_bits}
    settings |= {"out_scale": 1.0 if out_bits == 1 else 2.5, "float_output": 0} | options
    largest = products * (2**bits - 1)

    def vector():
        values = random.normal(0, 1, channels).astype(np.float32)
        values[random.integers(0, channels, 4)] = 0
        return values

    arrays = {
        "kernel": np.ones((3, 3, 3, channels), np.int8),
        "multiplier": vector() / np.float32(largest),
        "bias": vector(),
    }
    if affine:
        arrays |= {"quantize_multiplier": vector(), "quantize_bias": vector()}
    limits, direction = thresholds(settings, arrays)
    acc = np.arange(-largest, largest + 1)[:, None]
    extra = [arrays.get("quantize_multiplier"), arrays.get("quantize_bias")]
    (packed,) = _epilogue(
        acc, settings, arrays["multiplier"], arrays["bias"], None, None, None, None, *extra
    )
    expected = unpack(packed, out_bits, channels)
    codes = ((direction * acc)[..., None] >= limits).sum(-1)
    np.testing.assert_array_equal(codes * 2 - 1 if out_bits == 1 else codes, expected)
    assert limits.min() >= -largest and limits.max() <= largest + 1
    only_plus = options.get("activation") and out_bits == 1 and not affine
    assert len(np.unique(expected)) == 1 if only_plus else len(np.unique(expected)) > 1
