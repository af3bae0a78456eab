"""Groups of different numbers of bases and bits."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_groupnet import transfer_weights
from keras_groupnet.deployment.summary import summarize
from keras_groupnet.layers import ActivationScale, GroupSum, QuantConv2D, Quantize
from keras_groupnet.methods import BNN, GroupNet
from keras_groupnet.models import AlexNet, ResNet, VGGSmall
from keras_groupnet.quantizers import ApproxSign
from keras_groupnet.training import method_recipe
from tests.steps import check_low_bit_learning
from tests.tensors import array, saved_and_loaded

IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")


def net(**options):
    """Four blocks."""
    return ResNet(
        (8, 8, 1), 10, blocks=(2, 2), filters=(4, 6), stem="cifar", method=GroupNet(**options)
    )


def parts(model, group):
    """The layers of one group, by the names of its blocks."""
    blocks = {1: ("stage1_block1_", "group1_"), 2: ("stage1_block2_", "stage2_block1_", "group2_")}
    names = blocks.get(group, ("stage2_block2_", f"group{group}_"))
    return [layer for layer in model.layers if layer.name.startswith(names)]


def of(layers, kind):
    return [layer for layer in layers if isinstance(layer, kind)]


MIXED = {"bases": (3, 1, 2), "activation_bits": (1, 2, 32), "partition": (1, 2, 1)}


def test_each_group_has_its_own_bases_bits_and_what_depends_on_them():
    model = net(**MIXED)
    assert [layer.scales.shape[0] for layer in of(model.layers, GroupSum)] == [3, 1, 2]
    first, second, third = (parts(model, group) for group in (1, 2, 3))
    # 1 bit: sign, a scale map, padding with +1, a shortcut and a ReLU for each layer.
    assert of(first, ActivationScale) and len(of(first, keras.layers.ReLU)) == 2 * 3
    assert {layer.pad_values for layer in of(first, QuantConv2D)} == {1.0}
    assert len(of(first, keras.layers.Add)) == 2 * 3
    assert {type(layer.quantizer) for layer in of(first, Quantize)} == {ApproxSign}
    # 2 bits: codes, zeros, a shortcut for each block; 32 bits: a ReLU instead of a quantizer.
    assert {layer.quantizer.bits for layer in of(second, Quantize)} == {2}
    assert not of(second, ActivationScale) and not of(second, keras.layers.ReLU)
    assert {layer.pad_values for layer in of(second, QuantConv2D)} == {0.0}
    assert not of(third, Quantize) and len(of(third, keras.layers.ReLU)) == 1 + 2
    assert len(of(third, keras.layers.Add)) == 2


def test_the_same_numbers_for_all_groups_are_one_number():
    several = net(bases=[2, 2], activation_bits=[2, 2], partition="v2")
    one = net(bases=2, activation_bits=2, partition="v2")
    assert [x.name for x in several.layers] == [x.name for x in one.layers]
    np.testing.assert_array_equal(array(several(IMAGES)), array(one(IMAGES)))


def test_layerwise_has_one_number_for_each_block():
    model = net(bases=(1, 2, 3, 1), partition="layerwise")
    sums = {x.name: x.scales.shape[0] for x in of(model.layers, GroupSum)}
    assert sums["stage1_block2_conv1_sum"] == 2 and sums["stage2_block1_conv2_sum"] == 3


def test_training_saving_and_the_start_from_a_parent(tmp_path):
    model = net(**MIXED)
    parent = ResNet((8, 8, 1), 10, None, blocks=(2, 2), filters=(4, 6), stem="cifar", seed=3)
    report = transfer_weights(parent, model, noise=0)
    for name in ("stage1_block1_base3_conv1", "stage2_block1_base1_conv2"):
        source = parent.get_layer(report.copied[name]).kernel
        np.testing.assert_array_equal(array(model.get_layer(name).kernel), array(source))
    check_low_bit_learning(model)
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(array(loaded(IMAGES)), array(model(IMAGES)))


def test_the_summary_knows_the_bits_and_bases_of_each_group():
    rows = {row.name: row for row in summarize(net(**MIXED)).layers}
    found = {
        name: (rows[name].activation_bits, rows[name].bases)
        for name in (
            "stage1_block1_base3_conv2",
            "stage2_block1_base1_conv1",
            "stage2_block2_base2_conv1",
        )
    }
    assert list(found.values()) == [(1, 3), (2, 1), (32, 2)]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"bases": (3, 5), "partition": "v1"}, r"`bases`.*4 with partition='v1'.*\(3, 5\)"),
        ({"activation_bits": (1,), "partition": "v2"}, r"`activation_bits`.*2 with.*\(1,\)"),
        ({"bases": (3, 5), "partition": [4]}, r"`bases` and `partition`.*Received: bases=\(3, 5\)"),
        ({"bases": (3, 5), "activation_bits": (1, 2, 1)}, "one number for each group.*Received"),
        ({"bases": (3, 0)}, r"at least 1.*Received: bases=\(3, 0\)"),
        ({"bases": ()}, "at least 1.*Received"),
        ({"bases": "35"}, "at least 1.*Received"),
        ({"activation_bits": (1, 3)}, r"\(1, 2, 4, 32\).*Received: activation_bits=\(1, 3\)"),
        ({"activation_bits": (1, 2), "pad_values": 1}, "activation_bits=1.*=2, "),
        ({"activation_bits": (1, 2), "wiring": "none"}, "wiring.*Received"),
    ],
)
def test_impossible_requests(options, message):
    with pytest.raises(ValueError, match=message):
        net(**options)


def test_alexnet_numbers_its_groups_through():
    small = {"filters": (4, 4, 6, 6, 4), "units": 8, "stem": "cifar"}

    def scales(**options):
        model = AlexNet((16, 16, 3), 4, method=GroupNet(**options), **small)
        return {layer.name: layer.scales.shape[0] for layer in of(model.layers, GroupSum)}

    expected = {"group1_sum": 1, "group2_sum": 2, "group3_sum": 3}
    assert scales(bases=(1, 2, 3)) == expected
    assert scales(bases=(1, 2, 3), partition=(1, 1, 1), activation_bits=(1, 2, 1)) == expected
    assert scales(bases=(1, 3), partition=[2, 1]) == {"group1_sum": 1, "group3_sum": 3}
    with pytest.raises(ValueError, match=r"chains of \[2, 1\] blocks.*Received.*\[1, 2\]"):
        scales(partition=[1, 2])
    with pytest.raises(ValueError, match=r"one for each group: 3.*Received: bases=\(1, 2\)"):
        scales(bases=(1, 2))


def test_vgg_small_takes_one_number_for_each_group():
    model = VGGSmall((8, 8, 3), 4, (1, 2), partition=[2, 1], filters=(4,) * 6)
    assert [layer.scales.shape[0] for layer in of(model.layers, GroupSum)] == [1, 2]


def test_chains_of_a_method():
    first, second = GroupNet(bases=(1, 2, 3), partition=[2, 1, 2]).split([3, 2])
    assert (first.bases, first.partition) == ((1, 2), [2, 1])
    assert (second.bases, second.partition) == ((3,), [2])
    assert GroupNet(bases=4, partition="v3").split([3, 2])[1] == GroupNet(bases=4, partition="v3")
    assert BNN().split([3, 2]) == [BNN(), BNN()]


def test_what_a_method_says_of_itself():
    method = GroupNet(**MIXED)
    assert (method.branches, method.activation_bits) == ((3, 1, 2), (1, 2, 32))
    assert hash(method) == hash(dataclasses.replace(method))
    # A group of 1 bit needs the low learning rate.
    assert float(method_recipe(method).optimizer.learning_rate) == pytest.approx(0.001)
