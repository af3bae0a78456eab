"""Bi-Real's wiring against the same layers called by hand; the others are in groups_test."""

import keras
import numpy as np

from keras_groupnet import methods
from keras_groupnet.structure.blocks import Block, BlockLayer
from tests.methods.networks import tiny
from tests.tensors import array

IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")


def test_bi_real_by_hand():
    model = tiny("bi_real")

    def run(name, x):
        return model.get_layer(name)(x)

    def layer(block, number, x):
        signs = np.where(array(x) < 0, -1.0, 1.0).astype("float32")
        return run(f"{block}_bn{number}", run(f"{block}_conv{number}", signs))

    x = run("stem_bn", run("stem_conv", IMAGES))
    x = layer("stage1_block1", 1, x) + x
    x = layer("stage1_block1", 2, x) + x
    pooled = array(x).reshape(4, 4, 2, 4, 2, 8).mean(axis=(2, 4))
    skip = run("stage2_block1_shortcut_bn", run("stage2_block1_shortcut_conv", pooled))
    x = layer("stage2_block1", 1, x) + skip
    x = layer("stage2_block1", 2, x) + x
    expected = run("predictions", run("fc", keras.ops.mean(x, axis=(1, 2))))
    np.testing.assert_allclose(array(model(IMAGES)), array(expected), atol=1e-5)


def test_the_wiring_of_a_method_can_be_chosen():
    def count(kind, **options):
        net = tiny(methods.BNN(**options))
        return sum(type(layer) is kind for layer in net.layers)

    normalization, relu, add = (
        keras.layers.BatchNormalization,
        keras.layers.ReLU,
        keras.layers.Add,
    )
    # The stem's, one per layer, the shortcut's, and those in front of quantizers.
    assert count(normalization, wiring="block_shortcut") == 1 + 4 + 1 + 2
    assert count(normalization, wiring="layer_shortcut") == 1 + 4 + 1 + 1
    assert count(normalization, wiring="bi_real") == 1 + 4 + 1
    names = ("block_shortcut", "layer_shortcut", "bi_real")
    assert [count(relu, wiring=name) for name in names] == [0, 4, 0]
    assert [count(add, wiring=name) for name in names] == [2, 4, 4]


def test_a_dense_layer_of_latent_methods_is_a_convolution_of_one_pixel():
    chosen = methods.RBCN()
    inputs = keras.Input((6,))
    block = Block("", (BlockLayer("fc1", 5, 0),), residual=False)
    model = keras.Model(inputs, chosen.build_blocks(inputs, [block]))
    x = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    kernel = array(model.get_layer("fc1").kernel)[0, 0]
    signs = np.where(x < 0, -1, 1) @ np.where(kernel < 0, -1, 1)
    expected = signs * np.abs(kernel).mean() / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(array(model(x)), expected, rtol=1e-5)
