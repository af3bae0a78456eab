"""RBCN's equations on examples worked out by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet.layers import RectifiedConv2D
from keras_groupnet.quantizers import functional
from tests.tensors import array, value_and_gradient

W = np.array([0.3, -0.6, 0.1, 0.0], "float32")


def layer_with(kernel, c, shape, **options):
    kernel = np.reshape(kernel, shape).astype("float32")
    layer = RectifiedConv2D(shape[-1], shape[:2], **({"kernel_weight": 1.0} | options))
    layer.build((None, 8, 8, shape[2]))
    layer.set_weights([kernel, np.broadcast_to(c, layer.c.shape)])
    return layer


def kernel_loss_gradients(layer):
    """The gradients at W and C, read off a step of SGD with rate 1 on L_K alone."""
    model = keras.Sequential([keras.Input((8, 8, layer.kernel.shape[2])), layer])
    before = layer.get_weights()
    model.compile(keras.optimizers.SGD(1.0), lambda target, y: 0.0 * ops.sum(y))
    model.train_on_batch(np.zeros((1, *model.input_shape[1:])), np.zeros(1))
    return [a - b for a, b in zip(before, layer.get_weights(), strict=True)]


def test_kernel_loss_and_direct_gradients_by_hand():
    layer = layer_with(W, 0.5, (1, 1, 4, 1))
    np.testing.assert_allclose(float(layer.kernel_loss()), 0.23, rtol=1e-6)
    to_kernel, to_c = kernel_loss_gradients(layer)
    np.testing.assert_allclose(to_kernel.ravel(), [-0.2, -0.1, -0.4, -0.5], rtol=1e-5)
    np.testing.assert_allclose(to_c.ravel(), [1.0], rtol=1e-5)


def test_literal_gradient_by_hand():
    layer = layer_with(W, 0.5, (1, 1, 4, 1), kernel_gradient="literal")
    np.testing.assert_allclose(float(layer.kernel_loss()), 0.23, rtol=1e-6)
    to_kernel, to_c = kernel_loss_gradients(layer)
    np.testing.assert_allclose(to_kernel.ravel(), [0.14, 0.04, 0.36, 0.5], rtol=1e-5)
    np.testing.assert_allclose(to_c.ravel(), [1.0], rtol=1e-5)


@pytest.mark.parametrize("form, expected", [("direct", 0.1863), ("literal", 0.274604)])
def test_a_direct_step_lowers_the_kernel_loss_and_a_literal_one_raises_it(form, expected):
    layer = layer_with(W, 0.5, (1, 1, 4, 1), kernel_gradient=form)
    to_kernel, _ = kernel_loss_gradients(layer)
    # The example keeps the signs of before the step.
    residual = W - 0.1 * to_kernel.ravel() - 0.5 * np.where(W < 0, -1, 1)
    np.testing.assert_allclose(0.5 * (residual**2).sum(), expected, atol=1e-6)


def test_sign_gradient_by_hand():
    x = [-1.2, -1, -0.6, 0, 0.1, 0.3, 1]
    _, gradient = value_and_gradient(functional.approx_sign, x)
    np.testing.assert_allclose(gradient, [0, 0, 0.8, 2, 1.8, 1.4, 0], atol=1e-6)


def test_the_forward_pass_has_the_mean_of_c():
    signs = np.reshape([1, -1, 1, -1, 1, -1, 1, -1, 1], (3, 3, 1, 1))
    layer = layer_with(
        signs / 10,
        np.reshape(np.arange(1, 10) / 10, (3, 3, 1, 1)),
        (3, 3, 1, 1),
        input_quantizer="approx_sign",
    )
    x = np.reshape(np.arange(9.0) - 4, (1, 3, 3, 1)).astype("float32")
    np.testing.assert_allclose(array(layer(x)).item(), 0.5, rtol=1e-6)
    assert len(np.unique(np.abs(array(layer.quantize_kernel(layer.kernel))))) == 1


def test_kernel_loss_sees_the_matrix():
    layer = layer_with(
        [0.1, -0.2, 0.3, -0.4], np.reshape([0.2, 0.2, 0.4, 0.4], (2, 2, 1, 1)), (2, 2, 1, 1)
    )
    _, to_c = kernel_loss_gradients(layer)
    np.testing.assert_allclose(to_c.ravel(), [0.1, 0.0, 0.1, 0.0], atol=1e-6)


def test_task_gradients():
    kernel = np.reshape([0.5, -0.25, 2.0, 0.0], (2, 1, 1, 2)).astype("float32")
    upstream = np.reshape([1.0, 2.0, 3.0, 4.0], kernel.shape).astype("float32")
    layer = layer_with(kernel, np.reshape([0.2, 0.4], (2, 1, 1, 1)), kernel.shape)
    value, to_kernel = value_and_gradient(layer.quantize_kernel, kernel, upstream)
    np.testing.assert_allclose(value.ravel(), [0.3, -0.3, 0.3, 0.3], rtol=1e-6)
    # C* times 2 - 2|W|, 0 outside of the window.
    np.testing.assert_allclose(to_kernel.ravel(), [0.3, 0.9, 0.0, 2.4], rtol=1e-6)


@pytest.mark.parametrize("rate", [1.0, 0.25])
@pytest.mark.parametrize("form, expected", [("mean", [-1.0, -1.0]), ("matrix", [3.0, -5.0])])
def test_the_task_gradient_at_c(form, expected, rate):
    kernel = np.reshape([0.5, -0.25], (1, 2, 1, 1))
    layer = layer_with(kernel, 0.3, kernel.shape, kernel_weight=0.0, c_gradient=form, c_rate=rate)
    model = keras.Sequential([keras.Input((1, 2, 1)), layer])
    model.compile(keras.optimizers.SGD(1.0), lambda target, y: ops.sum(y))
    # x sgn(W) = (3, -5).
    model.train_on_batch(np.reshape([3.0, 5.0], (1, 1, 2, 1)), np.zeros(1))
    moved = 0.3 - array(layer.c).ravel()
    np.testing.assert_allclose(moved, rate * np.array(expected), rtol=1e-5)


@pytest.mark.parametrize("c_shape", ["layer", "channel"])
def test_c_starts_at_the_minimum_of_the_kernel_loss(c_shape):
    layer = RectifiedConv2D(4, 3, c_shape=c_shape)
    layer.build((None, 8, 8, 6))
    np.testing.assert_allclose(array(layer.c), np.abs(array(layer.kernel)).mean(), rtol=1e-5)
    layer.kernel.assign(2 * layer.kernel)
    layer.fit_c()
    np.testing.assert_allclose(array(layer.c), np.abs(array(layer.kernel)).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"c_shape": "filter"}, "c_shape"),
        ({"c_gradient": "sum"}, "c_gradient"),
        ({"kernel_gradient": "none"}, "kernel_gradient"),
        ({"kernel_weight": -1}, "kernel_weight"),
        ({"c_rate": -1}, "c_rate"),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        RectifiedConv2D(4, 3, **options)
