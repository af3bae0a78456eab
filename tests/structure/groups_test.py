"""Partitions, and the property tests of Group-Net: what groups of bases must equal."""

import itertools
import re

import keras
import numpy as np
import pytest

from keras_groupnet import partition_blocks
from keras_groupnet.layers import ActivationScale, GroupSum, QuantConv2D, Quantize
from keras_groupnet.methods import GroupNet
from keras_groupnet.models import ResNet
from tests.tensors import array

IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
BASE = re.compile(r"base(\d+)_")


def small(bases=2, bits=1, **options):
    options = {"blocks": (1, 2, 1), "filters": (4, 6, 8), "stem": "cifar"} | options
    return ResNet((8, 8, 3), 5, bases, bits, **options)


def randomise(model):
    """Batch norms and sums that do something."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization | GroupSum):
            layer.set_weights([rng.uniform(0.5, 1.5, size=w.shape) for w in layer.get_weights()])


def test_every_partition_of_eight_blocks_is_accepted():
    # 2^7 ways to cut eight blocks: the cuts are the subsets of the seven gaps.
    counts = []
    for groups in range(1, 9):
        cuts = list(itertools.combinations(range(1, 8), groups - 1))
        counts.append(len(cuts))
        for cut in cuts:
            edges = [0, *cut, 8]
            sizes = [b - a for a, b in itertools.pairwise(edges)]
            assert partition_blocks(sizes, 8) == sizes
    assert counts == [1, 7, 21, 35, 35, 21, 7, 1]


@pytest.mark.parametrize(
    "partition, expected",
    [("v1", [1] * 4), ("v2", [2, 2]), ("v3", [4]), ("layerwise", [1] * 4), ((1, 3), [1, 3])],
)
def test_partitions(partition, expected):
    assert partition_blocks(partition, 4) == expected


@pytest.mark.parametrize("partition", [[1, 2], [5], [4, 0], [2.0, 2], [-1, 5], [], "v4"])
def test_partitions_that_do_not_cover_the_blocks(partition):
    with pytest.raises(ValueError, match=r"partition.*must.*Received"):
        partition_blocks(partition, 4)


def test_v2_of_an_odd_number_of_blocks():
    with pytest.raises(ValueError, match=r"even.*Received: 3.*\[2, 1\]"):
        partition_blocks("v2", 3)


@pytest.mark.parametrize(
    "options, allowed",
    [
        ({"bases": 0}, "at least 1"),
        ({"bases": 2.5}, "at least 1"),
        ({"activation_bits": 3.5}, r"\(1, 2, 4, 32\)"),
        ({"activation_bits": 3}, r"\(1, 2, 4, 32\)"),
        ({"activation_bits": True}, r"\(1, 2, 4, 32\)"),
        ({"wiring": "v2"}, "'block_shortcut', 'layer_shortcut'"),
        ({"skip": "none"}, "'float', 'quantized'"),
        ({"shortcut": "none"}, "'binary', 'float'"),
        ({"activation_scale": "max"}, "'xnor', 'mean', 'none'"),
        ({"weight_scale": "row"}, "'channel', 'tensor', 'none'"),
        ({"activation_bits": 2, "beta": 0.0}, "positive"),
        ({"pad_values": 3}, "-1, 0 or 1"),
        ({"activation_bits": 2, "pad_values": 1}, "activation_bits=1"),
        ({"activation_bits": 2, "activation_scale": "xnor"}, "activation_bits=1"),
    ],
)
def test_impossible_requests(options, allowed):
    with pytest.raises(ValueError, match=f"{allowed}.*Received"):
        GroupNet(**options)


def test_defaults_depend_on_the_bits():
    binary, codes = GroupNet(activation_bits=1), GroupNet(activation_bits=4)
    assert (binary.wiring, binary.activation_scale, binary.pad_values) == (
        "layer_shortcut",
        "xnor",
        1,
    )
    assert (codes.wiring, codes.activation_scale, codes.pad_values) == ("block_shortcut", "none", 0)


@pytest.mark.parametrize("bits", [1, 4])
@pytest.mark.parametrize("wiring", ["block_shortcut", "layer_shortcut"])
@pytest.mark.parametrize("partition", ["v1", "v2", "v3", [1, 3], "layerwise"])
def test_equal_bases_equal_one_base(partition, wiring, bits):
    one, three = (
        small(bases, bits, partition=partition, wiring=wiring, classifier_activation=None)
        for bases in (1, 3)
    )
    randomise(one)
    for layer in three.layers:
        if isinstance(layer, GroupSum):
            scale = one.get_layer(layer.name).get_weights()[0]
            layer.set_weights([np.repeat(scale, 3) / 3])
        elif layer.weights:
            source = one.get_layer(BASE.sub("base1_", layer.name))
            layer.set_weights(source.get_weights())
    np.testing.assert_allclose(array(three(IMAGES)), array(one(IMAGES)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("partition", ["v1", "v3", "layerwise"])
def test_permuting_bases_with_their_scales_changes_nothing(partition):
    model, permuted = (small(3, 2, partition=partition) for _ in range(2))
    randomise(model)
    order = {"1": "2", "2": "3", "3": "1"}
    for layer in permuted.layers:
        name = BASE.sub(lambda match: f"base{order[match[1]]}_", layer.name)
        weights = model.get_layer(name).get_weights()
        if isinstance(layer, GroupSum):
            weights = [weights[0][[1, 2, 0]]]
        if weights:
            layer.set_weights(weights)
    np.testing.assert_allclose(array(permuted(IMAGES)), array(model(IMAGES)), atol=1e-5)


@pytest.mark.parametrize("wiring", ["block_shortcut", "layer_shortcut"])
def test_one_base_is_the_plain_quantized_network(wiring):
    model = small(1, 1, blocks=(1, 1), filters=(4, 6), wiring=wiring, activation_scale="none")
    randomise(model)
    for layer in model.layers:
        if isinstance(layer, GroupSum):
            layer.set_weights([np.ones(1)])

    def run(name, x):
        return model.get_layer(name)(x)

    def sign(x):
        return np.where(array(x) < 0, -1.0, 1.0).astype("float32")

    x = run("stem_bn", run("stem_conv", IMAGES))
    for group, block in ((1, "stage1_block1"), (2, "stage2_block1")):
        base = f"{block}_base1"
        a = sign(run(f"group{group}_input_bn", x))
        skip = x
        if group == 2:
            skip = run(f"{block}_shortcut_bn", run(f"{block}_shortcut_conv", a))
        if wiring == "block_shortcut":
            y = run(f"{base}_bn1", run(f"{base}_conv1", a))
            x = run(f"{base}_bn2", run(f"{base}_conv2", sign(y))) + skip
        else:
            y = keras.ops.relu(run(f"{base}_conv1", a))
            y = run(f"{base}_bn1", y) + skip
            x = run(f"{base}_bn2", keras.ops.relu(run(f"{base}_conv2", sign(y)))) + y
    expected = run("predictions", run("fc", keras.ops.mean(x, axis=(1, 2))))
    np.testing.assert_allclose(array(model(IMAGES)), array(expected), atol=1e-5)


def consumers(model, layer):
    """Names of the layers that read the output of `layer`."""
    return {
        reader.name
        for reader in model.layers
        for operand in (reader.input if isinstance(reader.input, list) else [reader.input])
        if operand is layer.output
    }


@pytest.mark.parametrize("partition", ["v1", "v2", "layerwise"])
def test_the_bases_share_one_quantized_input_and_one_scale_map(partition):
    model = small(3, 1, partition=partition)
    name = "stage1_block1_conv1" if partition == "layerwise" else "group1"
    quantize = model.get_layer(f"{name}_quantize")
    assert consumers(model, quantize) == {f"stage1_block1_base{i}_conv1" for i in (1, 2, 3)}
    scale = model.get_layer(f"{name}_scale_3x3_1")
    assert consumers(model, scale) == {f"stage1_block1_base{i}_conv1_scaled" for i in (1, 2, 3)}
    assert scale.input is quantize.input is model.get_layer(f"{name}_input_bn").output


def test_the_shortcut_of_a_first_block_is_shared_and_that_of_a_later_block_private():
    shared = {layer.name for layer in small(2, 2, partition="v1").layers}
    assert "stage2_block1_shortcut_conv" in shared
    assert "stage2_block1_base1_shortcut_conv" not in shared
    private = {layer.name for layer in small(2, 2, partition="v3").layers}
    assert "stage2_block1_shortcut_conv" not in private
    assert {"stage2_block1_base1_shortcut_conv", "stage2_block1_base2_shortcut_conv"} <= private


def test_the_float_shortcut_is_pooling_and_a_float_convolution():
    model = small(2, 2, shortcut="float")
    convolution = model.get_layer("stage2_block1_shortcut_conv")
    assert type(convolution) is keras.layers.Conv2D
    assert isinstance(model.get_layer("stage2_block1_shortcut_pool"), keras.layers.AveragePooling2D)


@pytest.mark.parametrize("wiring", ["block_shortcut", "layer_shortcut"])
def test_the_skip_carries_what_was_asked_for(wiring):
    for skip, source in (("float", "stem_bn"), ("quantized", "group1_quantize")):
        model = small(2, 2, wiring=wiring, skip=skip)
        add = model.get_layer(
            "stage1_block1_base1_add" + ("2" if wiring == "block_shortcut" else "1")
        )
        assert add.input[1] is model.get_layer(source).output


def test_layer_shortcut_adds_a_shortcut_per_layer_wherever_shapes_match():
    def adds(model):
        return [layer.name for layer in model.layers if isinstance(layer, keras.layers.Add)]

    model = small(1, 1, blocks=(1, 1), filters=(4, 6))
    assert adds(model) == [
        "stage1_block1_base1_add1",
        "stage1_block1_base1_add2",
        "stage2_block1_base1_add1",
        "stage2_block1_base1_add2",
    ]
    bottlenecks = small(1, 1, blocks=(2, 1), filters=(4, 6), block="bottleneck")
    assert adds(bottlenecks) == [
        "stage1_block1_base1_add1",  # 4 -> 4
        "stage1_block1_base1_add2",  # 4 -> 4
        "stage1_block1_base1_add3",  # the block's shortcut, 4 -> 16
        "stage1_block2_base1_add2",  # the first layer goes 16 -> 4
        "stage1_block2_base1_add3",
        "stage2_block1_base1_add3",  # the second layer has stride 2
    ]


def test_settings_reach_the_layers():
    model = small(2, 4, beta=2.5, weight_scale="tensor", seed=3)
    quantizers = [layer.quantizer for layer in model.layers if isinstance(layer, Quantize)]
    assert all((q.bits, q.beta) == (4, 2.5) for q in quantizers)
    convolutions = [layer for layer in model.layers if isinstance(layer, QuantConv2D)]
    assert all(layer.kernel_quantizer.scale == "tensor" for layer in convolutions)
    assert all(layer.pad_values == 0 and not layer.use_bias for layer in convolutions)
    model = small(2, 1, pad_values=-1, activation_scale="mean")
    assert {x.pad_values for x in model.layers if isinstance(x, QuantConv2D)} == {-1.0}
    scales = [layer for layer in model.layers if isinstance(layer, ActivationScale)]
    assert scales and all(layer.mode == "mean" for layer in scales)


@pytest.mark.parametrize("partition", ["v1", "layerwise"])
def test_bases_and_layers_start_from_different_seeds_reproducibly(partition):
    def kernels(seed):
        model = small(3, 1, partition=partition, seed=seed)
        return {
            layer.name: layer.get_weights()[0]
            for layer in model.layers
            if isinstance(layer, QuantConv2D) and layer.kernel_size == (3, 3)
        }

    first, again, other = kernels(0), kernels(0), kernels(1)
    starts = {kernel.ravel()[:20].tobytes() for kernel in first.values()}
    assert len(starts) == len(first)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not any(np.array_equal(first[name], other[name]) for name in first)
