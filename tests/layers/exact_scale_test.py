"""Sums of ±1 activations are exact: whole numbers times a scale."""

import keras
import numpy as np
import pytest

from keras_groupnet.layers import QuantConv2D, QuantDense, QuantDepthwiseConv2D
from keras_groupnet.layers.exact_scale import split_scale
from keras_groupnet.quantizers import KBitWeight
from tests.tensors import array


@pytest.mark.parametrize("bits", [2, 3, 5])
@pytest.mark.parametrize(
    "make",
    [
        lambda **options: QuantConv2D(4, 3, **options),
        lambda **options: QuantDepthwiseConv2D(3, **options),
        lambda **options: QuantDense(4, **options),
    ],
)
def test_sums_of_k_bit_weights(make, bits):
    layer = make(kernel_quantizer=KBitWeight(bits), use_bias=False)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (2, 6, 6, 33)).astype("float32")
    y = array(layer(signs))
    step = np.float32(layer.kernel_quantizer.step)
    np.testing.assert_array_equal(y, np.round(y / step).astype("float32") * step)


def test_several_magnitudes_stay_as_they_are():
    kernel = np.array([1.0, -0.9995, 0.5], "float32").reshape(3, 1)
    unit, scale = split_scale(keras.ops.convert_to_tensor(kernel), 1, (0,))
    np.testing.assert_array_equal(array(unit), kernel)
    np.testing.assert_array_equal(array(scale), [1])
