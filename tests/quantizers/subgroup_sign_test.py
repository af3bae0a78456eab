"""SYQ's weights on an example worked out by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet.layers import QuantConv2D, QuantDense
from keras_groupnet.quantizers import SubgroupSign
from tests.tensors import array, saved_and_loaded, value_and_gradient

KERNEL = np.array([[[[0.2, -0.4]], [[0.6, -0.8]]]], "float32")
UPSTREAM = np.array([1.0, 3.0], "float32")


def fitted(subgroups, kernel=KERNEL):
    quantizer = SubgroupSign(subgroups)
    quantizer.build(kernel.shape)
    quantizer.fit(kernel)
    return quantizer


def test_pixels_by_hand():
    quantizer = fitted("pixel")
    np.testing.assert_allclose(array(quantizer.scales).ravel(), [0.3, 0.7], rtol=1e-6)
    upstream = np.arange(4).reshape(KERNEL.shape)
    value, gradient = value_and_gradient(quantizer, KERNEL, upstream)
    np.testing.assert_allclose(value.reshape(2, 2), [[0.3, -0.3], [0.7, -0.7]], rtol=1e-6)
    np.testing.assert_array_equal(gradient, upstream)


def test_a_row_shares_one_scale():
    quantizer = fitted("row", np.concatenate([KERNEL, 2 * KERNEL]))
    np.testing.assert_allclose(array(quantizer.scales), np.reshape([0.5, 1.0], (2, 1, 1, 1)))


def test_a_dense_kernel_has_one_scale():
    quantizer = fitted("pixel", KERNEL.reshape(2, 2))
    np.testing.assert_allclose(array(quantizer.scales), [[0.5]])


def test_scales_get_the_gradient_of_their_subgroup():
    layer = QuantConv2D(2, (1, 2), use_bias=False, kernel_quantizer="subgroup_sign")
    model = keras.Sequential([keras.Input((1, 2, 1)), layer])
    layer.kernel.assign(KERNEL)
    layer.kernel_quantizer.fit(KERNEL)
    model.compile(keras.optimizers.SGD(1.0), lambda target, y: ops.sum(y * UPSTREAM))
    model.train_on_batch(np.reshape([1.0, 10.0], (1, 1, 2, 1)), np.zeros(1))
    # Signs +, -; gradients 1, 3 times the input at the pixel.
    expected = [0.3 - 1 * (1 - 3), 0.7 - 10 * (1 - 3)]
    np.testing.assert_allclose(array(layer.kernel_quantizer.scales).ravel(), expected, rtol=1e-5)
    moved = KERNEL - np.reshape([1, 3, 10, 30], KERNEL.shape)
    np.testing.assert_allclose(array(layer.kernel), moved, rtol=1e-5)


@pytest.mark.parametrize("subgroups", ["pixel", "row"])
def test_layers_fit_the_scales_and_keep_them(subgroups, tmp_path):
    inputs = keras.Input((5, 6, 3))
    x = QuantConv2D(4, (3, 2), kernel_quantizer=SubgroupSign(subgroups))(inputs)
    x = QuantDense(2, kernel_quantizer=SubgroupSign(subgroups))(keras.layers.Flatten()(x))
    model = keras.Model(inputs, x)
    layer = model.layers[1]
    axes = (2, 3) if subgroups == "pixel" else (1, 2, 3)
    expected = np.abs(array(layer.kernel)).mean(axes, keepdims=True)
    np.testing.assert_allclose(array(layer.kernel_quantizer.scales), expected, rtol=1e-5)
    layer.kernel_quantizer.scales.assign(2 * expected)
    loaded = saved_and_loaded(model, tmp_path)
    images = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    np.testing.assert_array_equal(array(loaded(images)), array(model(images)))


def test_impossible_subgroups():
    with pytest.raises(ValueError, match="pixel.*Received: subgroups='layer'"):
        SubgroupSign("layer")
