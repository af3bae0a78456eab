import keras
import pytest

from keras_groupnet import models
from keras_groupnet.training import stage_outputs


def narrow(**options):
    return models.ResNet18((32, 32, 3), 10, stem="cifar", filters=(4, 4, 8, 8), **options)


def test_stages_of_parent_and_group_net_have_the_same_shapes():
    student, teacher = narrow(bases=2), narrow(bases=None)
    shapes = [
        [model.get_layer(name).output.shape for name in stage_outputs(model)]
        for model in (student, teacher)
    ]
    assert shapes[0] == shapes[1]
    assert [shape[1:] for shape in shapes[0]] == [(32, 32, 4), (16, 16, 4), (8, 8, 8), (4, 4, 8)]


def test_stages_are_told_apart_by_channels_if_sizes_are_unknown():
    inputs = keras.Input((None, None, 4))
    x = keras.layers.Add(name="early")([inputs, inputs])
    x = keras.layers.Add(name="one")([x, inputs])
    x = keras.layers.Conv2D(6, 3)(x)
    x = keras.layers.Add(name="two")([x, x])
    assert stage_outputs(keras.Model(inputs, x)) == ["one", "two"]


def test_without_sums_the_last_batch_norm_ends_a_stage():
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.BatchNormalization()(inputs)
    x = keras.layers.BatchNormalization(name="one")(keras.layers.Conv2D(4, 1)(x))
    x = keras.layers.BatchNormalization(name="two")(keras.layers.MaxPooling2D(2)(x))
    assert stage_outputs(keras.Model(inputs, x)) == ["one", "two"]


def test_a_net_without_either_is_refused():
    with pytest.raises(ValueError, match="neither residual sums.*Received"):
        stage_outputs(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
