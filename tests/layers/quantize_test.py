import keras
import numpy as np
import pytest

from keras_groupnet import quantizers
from keras_groupnet.layers import Quantize
from tests.tensors import array, saved_and_loaded


def test_quantizes_in_the_compute_dtype(policy):
    y = Quantize("ste_sign")(np.array([[-0.1, 0.0, 3.0]]))
    assert keras.backend.standardize_dtype(y.dtype) == policy.compute_dtype
    np.testing.assert_array_equal(array(y), [[-1.0, 1.0, 1.0]])


def test_saving(tmp_path):
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, Quantize(quantizers.KBitActivation(4, 3.0))(inputs))
    assert model.output_shape == (None, None, 3)
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.layers[-1].quantizer.get_config() == {"bits": 4, "beta": 3.0}


def test_none_is_no_quantizer():
    with pytest.raises(ValueError, match="Received: quantizer=None"):
        Quantize(None)
