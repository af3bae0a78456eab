import keras
import numpy as np
import pytest

from keras_groupnet import constraints
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


@pytest.mark.parametrize(
    "identifier, expected",
    [
        ("weight_clip", constraints.WeightClip),
        ("WeightClip", constraints.WeightClip),
        ("clip", Clip),
        ("non_neg", keras.constraints.NonNeg),
        (Clip, Clip),
    ],
)
def test_names(identifier, expected):
    assert type(constraints.get(identifier)) is expected
    assert constraints.get(None) is None


def test_weight_clip_is_clip_with_larqs_argument():
    clip = constraints.weight_clip(clip_value=0.5)
    np.testing.assert_array_equal(
        array(clip(np.float32([-2, 0.1, 0.7]))), np.float32([-0.5, 0.1, 0.5])
    )
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(clip))
    assert type(copy) is constraints.WeightClip and copy.limit == 0.5
    with pytest.raises(ValueError, match="`clip_value` must be positive"):
        constraints.WeightClip(0)


def test_unknown_names():
    with pytest.raises(ValueError, match="weight_clip.*Received: 'clipped'"):
        constraints.get("clipped")
