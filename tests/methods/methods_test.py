"""What holds for every method."""

import keras
import numpy as np
import pytest

from keras_groupnet import datasets, methods, models
from keras_groupnet.layers import GroupSum
from tests.methods.networks import method, tiny
from tests.steps import check_low_bit_learning, low_bit_layers
from tests.tensors import array, saved_and_loaded

NAMES = methods.names()
SMALL = {
    "WideResNet": {"depth": 10, "stages": (8, 8, 8, 16)},
    "VGGSmall": {"filters": (8, 8, 8, 8, 16, 16)},
    "AlexNet": {"filters": (8, 8, 16, 16, 8), "units": 16, "stem": "cifar"},
}


def test_the_names():
    assert set(NAMES) >= {
        "full_precision",
        "group_net",
        "bnn",
        "xnor_net",
        "dorefa",
        "hwgq",
        "bi_real",
        "pcnn",
        "rbcn",
        "mcn",
        "mcn_1",
    }
    for name in NAMES:
        chosen = methods.get(name)
        assert chosen.name == name and chosen.reference
        assert methods.get(chosen) is chosen


@pytest.mark.parametrize("wrong", ["group-net", None, 3])
def test_unknown_names(wrong):
    with pytest.raises(ValueError, match="group_net.*Received: method="):
        methods.get(wrong)


@pytest.mark.parametrize("model", SMALL)
@pytest.mark.parametrize("name", NAMES)
def test_every_model_of_every_method(name, model):
    net = getattr(models, model)((16, 16, 3), 5, method=method(name), **SMALL[model])
    first, *_, last = [layer for layer in net.layers if hasattr(layer, "kernel")]
    assert type(first) is keras.layers.Conv2D and type(last) is keras.layers.Dense
    assert net.output_shape == (None, 5)
    assert any(isinstance(x, GroupSum) for x in net.layers) == (name == "group_net")


@pytest.mark.parametrize("name", NAMES)
def test_saving(name, tmp_path):
    net = tiny(method(name))
    images = datasets.digits().test_x[:4]
    loaded = saved_and_loaded(net, tmp_path)
    np.testing.assert_array_equal(array(loaded(images)), array(net(images)))


@pytest.mark.parametrize("name", NAMES)
def test_the_low_bit_layers_learn(name):
    net = tiny(method(name))
    assert (name == "full_precision") == (not low_bit_layers(net))
    # Sums without scales: Real-to-Binary starts from a loss of about ten.
    check_low_bit_learning(net, steps=40 if name == "real_to_binary" else 20)


@pytest.mark.parametrize("name", NAMES)
def test_stages_hand_their_weights_on(name):
    stages = method(name).stages()
    assert stages[-1] == method(name)
    nets = [tiny(stage, seed=i) for i, stage in enumerate(stages)]
    for stage, net, previous in zip(stages[1:], nets[1:], nets, strict=False):
        stage.start_from(net, previous)
        np.testing.assert_array_equal(
            array(net.get_layer("stage1_block1_conv1").kernel),
            array(previous.get_layer("stage1_block1_conv1").kernel),
        )


def test_nets_that_share_nothing_cannot_be_stages():
    net = tiny("bnn")
    with pytest.raises(ValueError, match=r"no trainable variable.*Received: model='resnet'"):
        methods.get("bnn").start_from(net, keras.Sequential([keras.layers.Dense(3)]))


def test_a_method_goes_without_the_arguments_of_group_net():
    with pytest.raises(ValueError, match=r"GroupNet\(.*Received: method='bnn'.*'bases': 3"):
        models.ResNet18((8, 8, 1), 3, 3, method="bnn")
    with pytest.raises(ValueError, match=r"Received: method='bnn'.*'bases': None"):
        models.ResNet18((8, 8, 1), 3, None, method="bnn")
    with pytest.raises(ValueError, match=r"Received: method='pcnn'.*'partition'"):
        models.AlexNet((8, 8, 1), 3, method="pcnn", partition="layerwise", stem="cifar")
    with pytest.raises(TypeError, match="'partitions'"):
        models.VGGSmall((8, 8, 1), 3, bases=None, partitions="v1")


def test_group_net_as_a_method_is_the_model_of_its_arguments():
    chosen = methods.GroupNet(bases=3, activation_bits=2, partition="v2")
    by_method = tiny(chosen, seed=4)
    by_arguments = models.ResNet(
        (8, 8, 1), 10, 3, 2, partition="v2", blocks=(1, 1), filters=(8, 16), stem="cifar", seed=4
    )
    assert by_method.to_json() == by_arguments.to_json()
    for one, other in zip(by_method.get_weights(), by_arguments.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (chosen.branches, chosen.weight_bits, chosen.activation_bits) == (3, 1, 2)


@pytest.mark.parametrize("name", ["pcnn", "mcn", "mcn_1"])
def test_widths_count_channels_and_must_divide_into_maps(name):
    net = tiny(name)
    assert net.get_layer("stage2_block1_conv1").output.shape[-1] == 16
    assert net.get_layer("stage2_block1_conv1").filters == 4
    with pytest.raises(ValueError, match="multiple.*Received: 6 for layer 'stage1_block1_conv1'"):
        tiny(name, filters=(6, 16))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"wiring": "v2"}, r"bi_real.*Received: wiring='v2'"),
        ({"shortcut": "none"}, r"'binary', 'float'.*Received"),
        ({"pad_values": 2}, r"-1, 0, 1.*Received: pad_values=2"),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(ValueError, match=message):
        methods.BNN(**options)
