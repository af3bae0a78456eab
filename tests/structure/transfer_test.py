import keras
import numpy as np
import pytest

from keras_groupnet import transfer_weights
from keras_groupnet.models import AlexNet, ResNet


def net(bases, filters=(8, 16), **options):
    return ResNet((8, 8, 3), 5, bases, blocks=(1, 1), filters=filters, stem="cifar", **options)


def trained_parent():
    parent = net(None, seed=7)
    rng = np.random.default_rng(0)
    for layer in parent.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, size=w.shape) for w in layer.get_weights()])
    return parent


@pytest.mark.parametrize("partition", ["v1", "v3", "layerwise"])
def test_without_noise_every_base_is_the_parent(partition):
    parent, groupnet = trained_parent(), net(3, partition=partition)
    report = transfer_weights(parent, groupnet, noise=0)
    for name, source in report.copied.items():
        copies = groupnet.get_layer(name).get_weights()
        for copy, weight in zip(copies, parent.get_layer(source).get_weights(), strict=True):
            np.testing.assert_array_equal(copy, weight)
    assert report.copied["stage1_block1_base3_conv1"] == "stage1_block1_conv1"
    assert report.copied["stem_conv"] == "stem_conv"
    assert report.copied["fc"] == "fc"
    assert set(report.copied.values()) == {layer.name for layer in parent.layers if layer.weights}
    with_weights = {layer.name for layer in groupnet.layers if layer.weights}
    assert set(report.copied) | set(report.skipped) == with_weights
    assert all(name.endswith(("_sum", "_input_bn")) for name in report.skipped)


def test_noise_makes_the_bases_differ_and_leaves_shared_layers_alone():
    parent, groupnet = trained_parent(), net(2)
    transfer_weights(parent, groupnet, noise=0.5)
    original = parent.get_layer("stage2_block1_conv2").get_weights()[0]
    first, second = (
        groupnet.get_layer(f"stage2_block1_base{base}_conv2").get_weights()[0] for base in (1, 2)
    )
    assert np.any(np.sign(first) != np.sign(second))
    np.testing.assert_allclose((first - original).std() / original.std(), 0.5, rtol=0.1)
    for name in ("stem_conv", "fc", "stage2_block1_shortcut_conv"):
        np.testing.assert_array_equal(
            groupnet.get_layer(name).get_weights()[0], parent.get_layer(name).get_weights()[0]
        )
    np.testing.assert_array_equal(
        groupnet.get_layer("stage1_block1_base2_bn1").get_weights(),
        parent.get_layer("stage1_block1_bn1").get_weights(),
    )


def test_noise_is_reproducible():
    kernels = []
    for seed in (0, 0, 1):
        groupnet = net(2)
        transfer_weights(net(None), groupnet, seed=seed)
        kernels.append(groupnet.get_layer("stage1_block1_base1_conv1").get_weights()[0])
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_alexnet_without_block_names():
    small = {"filters": (4, 4, 4, 4, 4), "units": 8, "stem": "cifar"}
    parent = AlexNet((16, 16, 3), 3, None, **small)
    report = transfer_weights(parent, AlexNet((16, 16, 3), 3, 2, **small))
    assert report.copied["base2_fc6"] == "fc6"
    assert report.copied["conv1"] == "conv1"


def test_different_shapes_change_nothing():
    parent, groupnet = net(None), net(2, filters=(8, 32))
    before = groupnet.get_weights()
    with pytest.raises(ValueError, match="stage2_block1.*needs weights of shapes.*Received"):
        transfer_weights(parent, groupnet)
    for old, new in zip(before, groupnet.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_unrelated_parents_and_negative_noise():
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="other")])
    with pytest.raises(ValueError, match="No layer.*Received"):
        transfer_weights(other, net(2))
    with pytest.raises(ValueError, match="Received: noise=-1"):
        transfer_weights(net(None), net(2), noise=-1)


@pytest.mark.parametrize("name", ["bnn", "syq", "rbcn"])
def test_other_methods_start_from_the_parent_too(name):
    parent = trained_parent()
    student = ResNet((8, 8, 3), 5, blocks=(1, 1), filters=(8, 16), stem="cifar", method=name)
    transfer_weights(parent, student)
    source, layer = (x.get_layer("stage2_block1_conv2") for x in (parent, student))
    kernel = keras.ops.convert_to_numpy(source.kernel)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.kernel), kernel)
    if name == "rbcn":
        c = keras.ops.convert_to_numpy(layer.c)
        np.testing.assert_allclose(c, np.full(c.shape, np.abs(kernel).mean()), rtol=1e-6)
