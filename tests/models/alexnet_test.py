import keras
import numpy as np
import pytest

from keras_groupnet import models
from keras_groupnet.layers import GroupSum, QuantConv2D, QuantDense
from tests.tensors import saved_and_loaded

SMALL = {"filters": (4, 6, 8, 8, 6), "units": 16}


def shape(model, name):
    return model.get_layer(name).output.shape[1:]


@pytest.mark.parametrize("side, last", [(227, 6), (224, 5)])
def test_the_imagenet_form(side, last):
    model = models.AlexNet((side, side, 3), bases=2, **SMALL)
    assert shape(model, "group1_sum")[:2] == shape(model, "group2_sum")[:2]
    assert shape(model, "pool5") == (last, last, 6)
    assert model.output_shape == (None, 1000)


def test_the_parent_has_the_sizes_of_the_paper():
    model = models.AlexNet(bases=None)
    assert shape(model, "conv1") == (55, 55, 96)
    assert shape(model, "conv2") == (27, 27, 256)
    assert shape(model, "conv5") == (13, 13, 256)
    assert shape(model, "flatten") == (9216,)
    assert model.get_layer("fc6").kernel.shape == (9216, 4096)


def test_group_s1_holds_two_layers_per_group():
    model = models.AlexNet((32, 32, 3), 10, 3, 2, stem="cifar", **SMALL)
    assert [layer.name for layer in model.layers if isinstance(layer, GroupSum)] == [
        "group1_sum",
        "group2_sum",
        "group3_sum",
    ]
    binary = [layer for layer in model.layers if isinstance(layer, QuantConv2D | QuantDense)]
    assert len(binary) == 3 * 6
    # The pool sits inside the group, between the batch norm and the next quantizer.
    assert model.get_layer("base2_pool2").input is model.get_layer("base2_bn2").output
    assert model.get_layer("base2_conv3_quantize").input is model.get_layer("base2_pool2").output
    assert shape(model, "pool5") == (4, 4, 6)


def test_layerwise_has_a_sum_per_layer():
    model = models.AlexNet((32, 32, 3), 10, 2, 1, stem="cifar", partition="layerwise", **SMALL)
    sums = [layer.name for layer in model.layers if isinstance(layer, GroupSum)]
    assert sums == [f"{name}_sum" for name in ("conv2", "conv3", "conv4", "conv5", "fc6", "fc7")]


@pytest.mark.parametrize("partition, bits", [("group_s1", 1), ("layerwise", 2), ("group_s1", 32)])
def test_saving_and_training(partition, bits, tmp_path):
    model = models.AlexNet((16, 16, 3), 4, 2, bits, stem="cifar", partition=partition, **SMALL)
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(32, 16, 16, 3)), rng.integers(0, 4, size=32)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    losses = [float(model.train_on_batch(images, labels)) for _ in range(8)]
    assert losses[-1] < losses[0]
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"partition": "v1"}, "group_s1.*Received: partition='v1'"),
        ({"input_shape": (32, 32, 3)}, "at least.*Received"),
        ({"input_shape": (None, None, 3)}, "fixed.*Received"),
        ({"filters": (1, 2, 3)}, "five.*Received"),
        ({"activation_bits": 3}, r"\(1, 2, 4, 32\).*Received"),
        ({"bases": 0}, "at least 1.*Received"),
    ],
)
def test_impossible_requests(options, message):
    with pytest.raises(ValueError, match=message):
        models.AlexNet(**options)
