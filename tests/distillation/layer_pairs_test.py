import keras
import pytest

import keras_groupnet as kgn
from keras_groupnet import models
from keras_groupnet.distillation import AttentionMatching, layer_pairs
from keras_groupnet.layers import GroupSum
from tests.expansion.networks import plain_net, residual_net


def net(filters=(4, 8), blocks=(2, 2), **options):
    return models.ResNet((16, 16, 3), 10, blocks=blocks, filters=filters, stem="cifar", **options)


ENDS = [f"stage{stage}_block{block}_add2" for stage in (1, 2) for block in (1, 2)]


@pytest.mark.parametrize(
    ("partition", "sums", "ends"),
    [
        ("v1", ["group1_sum", "group2_sum", "group3_sum", "group4_sum"], ENDS),
        ("v2", ["group1_sum", "group2_sum"], ENDS[1::2]),
        ("v3", ["group1_sum"], ENDS[-1:]),
        ((1, 3), ["group1_sum", "group2_sum"], [ENDS[0], ENDS[3]]),
        ("layerwise", ENDS, ENDS),
    ],
)
def test_groups_belong_to_the_blocks_that_they_replace(partition, sums, ends):
    student = net(bases=2, partition=partition)
    assert layer_pairs(student, net(bases=None)) == list(zip(sums, ends, strict=True))


def test_methods_without_groups_end_their_blocks_where_the_parent_does():
    # Bi-Real Net has a sum inside of each block too, which the parent has not.
    assert layer_pairs(net(method="bi_real"), net(bases=None)) == [(end, end) for end in ENDS]


def test_poolings_end_groups_of_a_network_without_shortcuts():
    student, teacher = (
        models.VGGSmall((32, 32, 3), 10, filters=(4,) * 6, bases=bases) for bases in (2, None)
    )
    assert layer_pairs(student, teacher) == [
        ("group1_sum", "pool2"),
        ("group2_sum", "pool4"),
        ("group3_sum", "pool6"),
    ]


def named(prefix, kinds, channels=4):
    """A chain of layers on maps (8, 8, channels), some of them halving the map."""
    inputs = keras.Input((8, 8, channels))
    x = inputs
    for number, kind in enumerate(kinds):
        if kind == "pool":
            x = keras.layers.MaxPooling2D(2)(x)
        elif kind == "group":
            parts = [keras.layers.Conv2D(channels, 1)(x) for _ in range(2)]
            parts = [keras.layers.BatchNormalization()(part) for part in parts]
            x = GroupSum(name=f"{prefix}{number}")(parts)
        elif kind == "add":
            x = keras.layers.Add(name=f"{prefix}{number}")([x, keras.layers.ReLU()(x)])
        else:
            x = keras.layers.Conv2D(channels, 3, padding="same", name=f"{prefix}{number}")(x)
    return keras.Model(inputs, x)


def test_groups_named_after_the_parents_layer():
    teacher = named("block", ["conv", "conv", "pool", "conv"])
    inputs = keras.Input((8, 8, 4))
    bases = [keras.layers.BatchNormalization()(inputs) for _ in range(2)]
    x = GroupSum(name="block1")(bases)
    x = keras.layers.MaxPooling2D(2)(x)
    x = GroupSum(name="block3_sum")([keras.layers.BatchNormalization()(x) for _ in range(2)])
    pairs = layer_pairs(keras.Model(inputs, x), teacher)
    assert pairs == [("block1", "block1"), ("block3_sum", "block3")]


def test_without_names_shape_and_order_tell():
    student = named("s", ["group", "pool", "group", "group"])
    teacher = named("t", ["add", "add", "pool", "add", "add", "add", "add"])
    # Each group stands for two blocks, and ends where the second does.
    assert layer_pairs(student, teacher) == [("s0", "t1"), ("s2", "t4"), ("s3", "t6")]


def test_other_widths_can_be_compared_by_attention_only():
    student, teacher = net(filters=(4, 8), bases=2), net(filters=(6, 12), bases=None)
    with pytest.raises(ValueError, match="Name the layers yourself.*Received: student='resnet'"):
        layer_pairs(student, teacher)
    pairs = layer_pairs(student, teacher, AttentionMatching.comparable)
    assert [taught for _, taught in pairs] == ENDS


def test_subclassed_models_are_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="functional models.*class Own"):
        layer_pairs(Own(), net())


def test_an_expanded_model_and_its_parent():
    """Sums of groups have the names of the layers at the ends of the blocks."""
    parent = residual_net(2)
    student = kgn.expand(parent, 2, print_fn=None)
    assert layer_pairs(student, parent) == [("b1_add", "b1_add"), ("b2_add", "b2_add")]
    parent = plain_net()
    student = kgn.expand(parent, 2, print_fn=None)
    assert {teacher for _, teacher in layer_pairs(student, parent)} == {"conv2", "conv3", "fc1"}
