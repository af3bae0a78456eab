"""Blocks of any Keras layers: what a layer's config says arrives at its low-bit version."""

import json

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet import Block, BlockLayer, methods
from keras_groupnet.layers import (
    ActivationScale,
    GroupSum,
    QuantConv2D,
    QuantDense,
    QuantDepthwiseConv2D,
)
from keras_groupnet.structure.blocks import distinct
from tests.tensors import array

IMAGE = (12, 10, 8)
EVERYTHING = {
    "strides": (2, 1),
    "padding": "valid",
    "groups": 2,
    "activation": "relu",
    "use_bias": True,
    "bias_initializer": "ones",
    "kernel_regularizer": keras.regularizers.L2(1e-3),
    "kernel_initializer": keras.initializers.HeNormal(seed=1),
    "name": "features.0.conv",
}


def built(method, blocks, shape=IMAGE, **options):
    inputs = keras.Input(shape)
    return keras.Model(inputs, method.build_blocks(inputs, blocks, **options))


def plain_bases(bases, bits=2):
    return methods.GroupNet(bases, bits, activation_scale="none")


@pytest.mark.parametrize(
    "layer, quantized",
    [
        (keras.layers.Conv2D(8, (3, 5), **EVERYTHING), QuantConv2D),
        (keras.layers.Conv2D(8, 3, dilation_rate=(2, 3), padding="same"), QuantConv2D),
        (
            keras.layers.DepthwiseConv2D(
                (3, 1), padding="same", depth_multiplier=2, depthwise_constraint="non_neg"
            ),
            QuantDepthwiseConv2D,
        ),
    ],
)
@pytest.mark.parametrize("residual", [False, True])
def test_everything_that_a_layer_says_passes_through(layer, quantized, residual):
    if residual and layer.padding == "valid":
        with pytest.raises(ValueError, match="padding='same'.*Received: layers.*features"):
            Block("block", (BlockLayer.from_layer(layer),), residual=True)
        return
    block = Block("block", (BlockLayer.from_layer(layer),), residual)
    float_net = built(methods.FullPrecision(), [block])
    low_bit = built(plain_bases(2), [block])
    copies = [x for x in low_bit.layers if type(x) is quantized and layer.name in x.name]
    assert [x.name for x in copies] == [f"block_base{i}_{layer.name}" for i in (1, 2)]
    (counterpart,) = [x for x in float_net.layers if x.name == f"block_{layer.name}"]
    assert counterpart.output.shape == copies[0].output.shape

    def comparable(config):
        config = json.loads(json.dumps(config))
        for key in ("name", "input_quantizer", "kernel_quantizer", "pad_values"):
            config.pop(key, None)
        for key in ("kernel_initializer", "depthwise_initializer"):
            if config.get(key) and config[key]["config"]:
                config[key]["config"].pop("seed", None)
        return config

    expected = comparable(layer.get_config())
    for other in (counterpart, *copies):
        assert comparable(other.get_config()) == expected
    assert not np.array_equal(array(copies[0].kernel), array(copies[1].kernel))


def test_dense_layers_with_bias_and_activation():
    dense = keras.layers.Dense(6, activation="relu", name="head")
    block = Block("", (BlockLayer.from_layer(dense),), residual=True)
    net = built(plain_bases(2), [block], (9,))
    copy = net.get_layer("base2_head")
    assert type(copy) is QuantDense and copy.use_bias
    assert copy.activation is keras.activations.relu
    # The shortcut of another width is a dense layer, too.
    assert type(net.get_layer("shortcut_fc")) is QuantDense
    assert net.output_shape == (None, 6)


@pytest.mark.parametrize("name", [n for n in methods.names() if n != "full_precision"])
def test_every_method_takes_rectangles_strides_and_dilation(name):
    method = methods.get(name)
    if name == "group_net":
        method = plain_bases(2)
    blocks = [
        Block("a", (BlockLayer("conv1", 8, (3, 1), (2, 1)), BlockLayer("conv2", 8, (1, 3)))),
        Block("b", (BlockLayer("conv1", 8, 3, dilation_rate=2),)),
        Block("c", (BlockLayer("conv1", 8, (2, 3), padding="valid"),), residual=False),
    ]
    net = built(method, blocks)
    assert net.output_shape == (None, 5, 8, 8)
    assert np.isfinite(array(net(np.ones((1, *IMAGE), "float32")))).all()


def test_scales_have_the_geometry_of_their_convolutions():
    blocks = [
        Block(
            "a",
            (
                BlockLayer("conv1", 8, (3, 1), (2, 1)),
                BlockLayer("conv2", 8, (2, 3), padding="valid"),
                BlockLayer("conv3", 8, 3, dilation_rate=2),
            ),
            residual=False,
        )
    ]
    net = built(methods.GroupNet(2), blocks)
    scales = {x.name for x in net.layers if isinstance(x, ActivationScale)}
    assert scales == {
        "group1_scale_3x1_2x1",
        *(f"a_base{i}_conv2_scale_2x3_1_valid" for i in (1, 2)),
        *(f"a_base{i}_conv3_scale_3x3_1_dilated2" for i in (1, 2)),
    }


@pytest.mark.parametrize("options", [{"use_bias": True}, {"activation": "relu"}])
def test_a_scale_behind_a_bias_or_an_activation_is_refused(options):
    block = Block("a", (BlockLayer("conv1", 8, 3, **options),))
    with pytest.raises(ValueError, match=r"activation_scale='none'.*Received: layer 'a_base1_conv"):
        built(methods.GroupNet(2), [block])


def test_layers_without_a_low_bit_version_are_refused_by_name():
    layer = keras.layers.SeparableConv2D(8, 3, padding="same", name="sep")
    block = Block("", (BlockLayer.from_layer(layer),))
    with pytest.raises(ValueError, match=r"Conv2D.*Received: layer 'sep' of class SeparableConv2D"):
        built(methods.BNN(), [block])
    assert built(methods.FullPrecision(), [block]).output_shape == (None, *IMAGE)
    depthwise = BlockLayer.from_layer(keras.layers.DepthwiseConv2D(3, padding="same", name="dw"))
    with pytest.raises(ValueError, match="pcnn.*Received: layer 'dw' of class DepthwiseConv2D"):
        built(methods.PCNN(), [Block("", (depthwise,))])


def test_names_around_layers_never_collide():
    layers = (
        BlockLayer("conv1", 8, 3),
        BlockLayer("dw1", 10, 3),
        BlockLayer("conv_dw", 10, 3),
        BlockLayer("conv_pw", 16, 3),
        BlockLayer.from_layer(keras.layers.Conv2D(8, 3, padding="same", name="conv2")),
    )
    blocks = [Block("", layers[:3]), Block("", layers[3:])]
    for method in (methods.FullPrecision(), methods.BNN(), plain_bases(2)):
        names = [layer.name for layer in built(method, blocks).layers]  # Keras refuses doubles
        assert len(set(names)) == len(names)
    parts = [layer.part("bn") for block in distinct(blocks) for layer in block.layers]
    assert parts == ["conv1_bn", "dw1_bn", "conv_dw_bn", "conv_pw_bn", "conv2_bn"]
    assert BlockLayer("conv1", 8, 3).part("bn") == "bn1"


def test_a_block_of_a_users_model_starts_from_its_weights():
    inputs = keras.Input(IMAGE)
    x = keras.layers.DepthwiseConv2D(3, padding="same", name="dw")(inputs)
    x = keras.layers.Conv2D(8, 1, use_bias=False, name="pw")(x)
    original = keras.Model(inputs, x)
    block = Block(
        "", tuple(BlockLayer.from_layer(layer) for layer in original.layers[1:]), residual=False
    )
    net = built(plain_bases(2), [block])
    report = kgn.transfer_weights(original, net, noise=0)
    assert report.copied == {f"base{i}_{name}": name for name in ("dw", "pw") for i in (1, 2)}
    for i in (1, 2):
        for one, other in zip(
            net.get_layer(f"base{i}_dw").get_weights(),
            original.get_layer("dw").get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def test_build_groups_of_another_style():
    class Groups(methods.BNN):
        bases = 3
        partition = "v1"

    inputs = keras.Input(IMAGE)
    blocks = [Block("a", (BlockLayer("conv1", 8, 3),)), Block("b", (BlockLayer("conv1", 8, 3),))]
    net = keras.Model(inputs, kgn.build_groups(inputs, blocks, Groups(), seed=2))
    assert [type(x) for x in net.layers].count(GroupSum) == 2
    assert net.get_layer("b_base3_conv1").kernel_constraint is not None


def test_impossible_blocks():
    with pytest.raises(ValueError, match="at least one layer.*Received"):
        Block("a", ())
    with pytest.raises(ValueError, match=r"pool_padding='same'.*Received: layers \['conv1'\]"):
        Block("a", (BlockLayer("conv1", 8, 3, pool_size=2),))
