"""The kernel quantizer of larq-zoo's XNORNet."""

import numpy as np

from keras_groupnet import quantizers
from tests.tensors import value_and_gradient


def test_values_and_gradients():
    generator = np.random.default_rng(0)
    w = generator.normal(0, 1, (3, 2, 5)).astype("float32")  # a third is beyond the clip
    upstream = generator.normal(0, 1, w.shape).astype("float32")
    found, gradient = value_and_gradient(quantizers.get("clipped_magnitude_sign"), w, upstream)
    signs, inside = np.where(w < 0, -1, 1), np.abs(w) <= 1
    magnitude = np.abs(np.clip(w, -1, 1)).mean(axis=(0, 1))
    np.testing.assert_allclose(found, magnitude * signs, rtol=1e-6)
    through_magnitude = signs * (upstream * signs).mean(axis=(0, 1))
    expected = inside * (upstream * magnitude + through_magnitude)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)
