"""ABC-Net's weights on an example worked out by hand."""

import numpy as np
import pytest

from keras_groupnet.quantizers import WeightBases
from tests.tensors import array, value_and_gradient

WEIGHTS = np.array([-1.5, -0.6, -0.1, 0.0, 0.3, 0.9, 2.0], "float32")
# Columns are the bases.
BASES = [
    [-1, -1, -1, -1, -1, -1, 1],
    [-1, -1, -1, -1, 1, 1, 1],
    [-1, 1, 1, 1, 1, 1, 1],
]


def test_bases_and_scales_by_hand():
    parts = WeightBases(3).binary_parts(WEIGHTS)
    np.testing.assert_array_equal([array(signs) for _, signs in parts], BASES)
    np.testing.assert_allclose([float(a) for a, _ in parts], [0.575, 0.416667, 0.758333], rtol=1e-5)


def test_sum_and_gradient_by_hand():
    value, gradient = value_and_gradient(WeightBases(3), WEIGHTS, np.arange(7))
    np.testing.assert_allclose(((WEIGHTS - value) ** 2).sum(), 0.511667, rtol=1e-4)
    np.testing.assert_allclose(gradient, 1.75 * np.arange(7), rtol=1e-6)


@pytest.mark.parametrize("bases", [1, 2, 3, 5])
def test_scales_are_those_of_least_squares(bases):
    kernel = np.random.default_rng(0).normal(0.3, 1, size=(3, 3, 5, 4)).astype("float32")
    parts = WeightBases(bases).binary_parts(kernel)
    matrix = np.stack([array(signs).ravel() for _, signs in parts], axis=1)
    expected, *_ = np.linalg.lstsq(matrix, kernel.ravel(), rcond=None)
    np.testing.assert_allclose([float(a) for a, _ in parts], expected, atol=1e-5)


@pytest.mark.parametrize("kernel", [[0.5, 0.5, 0.5], [1.0, -1.0, 1.0, -1.0], [0.0, 0.0]])
def test_levels_without_weights_lose_nothing(kernel):
    # Few different weights leave levels empty; the sum must then be exact.
    value = array(WeightBases(5)(np.array(kernel, "float32")))
    np.testing.assert_allclose(value, kernel, atol=1e-6)


@pytest.mark.parametrize("bases", [0, 1.0, True])
def test_impossible_bases(bases):
    with pytest.raises(ValueError, match="at least 1.*Received"):
        WeightBases(bases)
