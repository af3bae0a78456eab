import keras
import numpy as np
import pytest

from keras_groupnet.layers import RepeatChannels
from tests.tensors import array, saved_and_loaded


def test_copies_stand_next_to_each_other(tmp_path):
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    layer = RepeatChannels(2)
    expected = [[0, 0, 1, 1, 2, 2], [3, 3, 4, 4, 5, 5]]
    np.testing.assert_array_equal(array(layer(x))[0, 0], expected)
    assert layer.compute_output_shape((None, 1, 2, 3)) == (None, 1, 2, 6)
    loaded = saved_and_loaded(keras.Sequential([keras.Input((1, 2, 3)), layer]), tmp_path)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0)[0, 0], expected)


def test_no_copies_are_refused():
    with pytest.raises(ValueError, match="copies.*Received"):
        RepeatChannels(0)
