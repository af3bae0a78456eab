"""DoReFa-Net's weights of several bits."""

import numpy as np
import pytest

from keras_groupnet.quantizers import KBitWeight
from tests.tensors import array, value_and_gradient

WEIGHTS = [-1.5, -0.6, -0.1, 0.0, 0.3, 0.9, 2.0]
LEVELS = {
    2: [-1, -1 / 3, -1 / 3, 1 / 3, 1 / 3, 1, 1],
    4: [-1, -0.6, -1 / 15, 1 / 15, 1 / 3, 11 / 15, 1],
}


@pytest.mark.parametrize("bits", LEVELS)
def test_levels_by_hand(bits):
    value, gradient = value_and_gradient(KBitWeight(bits), WEIGHTS, np.arange(7))
    np.testing.assert_allclose(value, LEVELS[bits], rtol=1e-6)
    tanh = np.tanh(WEIGHTS)
    np.testing.assert_allclose(gradient, np.arange(7) * (1 - tanh**2) / tanh[-1], rtol=1e-4)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_the_bits_of_the_codes_sum_up_to_the_levels(bits):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 5, 4)).astype("float32")
    quantizer = KBitWeight(bits)
    parts = quantizer.binary_parts(kernel)
    assert len(parts) == quantizer.precision == bits
    total = 0
    for scale, signs in parts:
        assert set(np.unique(array(signs))) == {-1, 1}
        total = total + scale * array(signs)
    np.testing.assert_allclose(total, array(quantizer(kernel)), atol=1e-6)


def test_levels_are_odd_multiples_of_the_step():
    quantizer = KBitWeight(3)
    codes = array(quantizer(np.linspace(-2, 2, 101, dtype="float32"))) / quantizer.step
    np.testing.assert_allclose(np.unique(np.round(codes)), [-7, -5, -3, -1, 1, 3, 5, 7])
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-5)


def test_a_kernel_of_zeros_has_a_gradient():
    value, gradient = value_and_gradient(KBitWeight(2), [0.0, 0.0])
    np.testing.assert_allclose(value, [1 / 3, 1 / 3], rtol=1e-6)
    np.testing.assert_array_equal(gradient, [1, 1])


@pytest.mark.parametrize("bits", [1, 9, 2.0, True])
def test_impossible_bits(bits):
    with pytest.raises(ValueError, match="from 2 to 8.*Received"):
        KBitWeight(bits)
