import keras
import numpy as np
import pytest

from keras_groupnet.layers import Quantize
from tests.tensors import array


def test_quantizes_in_the_compute_dtype(policy):
    y = Quantize("ste_sign")(np.array([[-0.1, 0.0, 3.0]]))
    assert keras.backend.standardize_dtype(y.dtype) == policy.compute_dtype
    np.testing.assert_array_equal(array(y), [[-1.0, 1.0, 1.0]])


def test_none_is_no_quantizer():
    with pytest.raises(ValueError, match="Received: quantizer=None"):
        Quantize(None)
