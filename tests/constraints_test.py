import keras
import numpy as np
import pytest

from keras_groupnet.constraints import Clip
from tests.tensors import array


def test_clip():
    np.testing.assert_array_equal(
        array(Clip(0.5)(keras.ops.convert_to_tensor([-2.0, -0.5, 0.1, 0.7]))),
        np.float32([-0.5, -0.5, 0.1, 0.5]),
    )
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(Clip(2.0)))
    assert copy.limit == 2.0


@pytest.mark.parametrize("limit", [0, -1.0])
def test_limits_that_are_none(limit):
    with pytest.raises(ValueError, match="positive.*Received: limit"):
        Clip(limit)
