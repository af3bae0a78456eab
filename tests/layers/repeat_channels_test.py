import numpy as np
import pytest

from keras_groupnet.layers import RepeatChannels
from tests.tensors import array


def test_copies_stand_next_to_each_other():
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    layer = RepeatChannels(2)
    expected = [[0, 0, 1, 1, 2, 2], [3, 3, 4, 4, 5, 5]]
    np.testing.assert_array_equal(array(layer(x))[0, 0], expected)


def test_no_copies_are_refused():
    with pytest.raises(ValueError, match="copies.*Received"):
        RepeatChannels(0)
