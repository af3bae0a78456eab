"""MCN's equations on examples worked out by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet.layers import ModulatedConv2D
from tests.tensors import array

# One filter of two planes of 2x2, two M-Filters.
FILTER = np.array([[0.5, -0.2, 0.1, -0.7], [-0.3, 0.4, 0.6, 0.2]], "float32")
M_FILTERS = np.array([[0.2, 0.2, 0.2, 0.2], [0.1, 0.5, 0.1, 0.3]], "float32").reshape(2, 2, 2)


def small_layer(**options):
    layer = ModulatedConv2D(1, 2, planes=2, **options)
    layer.build((None, 3, 3, 2))
    m_filters = M_FILTERS.mean((1, 2), keepdims=True) if layer.scalar else M_FILTERS
    layer.set_weights([FILTER.T.reshape(2, 2, 2, 1), m_filters])
    return layer


def test_modulated_filters_by_hand():
    layer = small_layer()
    kernel = array(layer.quantize_kernel(layer.kernel))
    assert kernel.shape == (2, 2, 2, 2)
    expected = [
        [[0.2, -0.2, 0.2, -0.2], [-0.2, 0.2, 0.2, 0.2]],
        [[0.1, -0.5, 0.1, -0.3], [-0.1, 0.5, 0.1, 0.3]],
    ]
    received = kernel.reshape(4, 2, 2).transpose(2, 1, 0)
    np.testing.assert_allclose(received, expected, rtol=1e-6)


def filter_loss_gradients(layer):
    model = keras.Sequential([keras.Input((3, 3, 2)), layer])
    before = layer.get_weights()
    model.compile(keras.optimizers.SGD(1.0), lambda target, y: 0.0 * ops.sum(y))
    model.train_on_batch(np.zeros((1, 3, 3, 2)), np.zeros(1))
    return [a - b for a, b in zip(before, layer.get_weights(), strict=True)]


def test_filter_loss_by_hand():
    layer = small_layer()
    np.testing.assert_allclose(float(layer.filter_loss()), 3.2e-4, rtol=1e-5)
    layer = small_layer(filter_weight=1.0)
    to_kernel, to_m_filters = filter_loss_gradients(layer)
    for j in range(2):
        np.testing.assert_allclose(to_m_filters[j].ravel(), [-0.2, 0.8, -0.1, 0.1], atol=1e-5)
    # The direct partial: C - sgn(C) sum M.
    expected = FILTER - np.sign(FILTER) * M_FILTERS.sum(0).ravel()
    np.testing.assert_allclose(to_kernel.reshape(4, 2).T, expected, atol=1e-5)


def test_filter_loss_per_plane():
    layer = small_layer(filter_weight=1.0, filter_loss="per_plane")
    signs = np.sign(FILTER)
    differences = [FILTER - signs * m.ravel() for m in M_FILTERS]
    expected = 0.5 * sum((d**2).sum() for d in differences)
    np.testing.assert_allclose(float(layer.filter_loss()), expected, rtol=1e-5)
    _, to_m_filters = filter_loss_gradients(layer)
    for received, difference in zip(to_m_filters, differences, strict=True):
        # Eq. 3.27.
        np.testing.assert_allclose(received.ravel(), -(difference * signs).sum(0), atol=1e-5)


@pytest.mark.parametrize("scalar, expected", [(False, [-0.4, 0.4]), (True, [-0.4, -0.5])])
def test_forward_by_hand(scalar, expected):
    x = (np.arange(18, dtype="float32") - 8).reshape(1, 3, 3, 2)
    y = array(small_layer(scalar=scalar)(x))
    np.testing.assert_allclose(y[0, 0, 0], expected, rtol=1e-5)
    if scalar:
        np.testing.assert_allclose(y[..., 1] * 0.2, y[..., 0] * 0.25, rtol=1e-5)


@pytest.mark.parametrize(
    "widths, millions",
    [((16, 16, 32, 64), 1.07), ((16, 32, 64, 128), 4.26), ((64, 64, 128, 256), 17.11)],
)
def test_latent_weights_of_the_papers_nets(widths, millions):
    total = 0
    previous = 3
    for stage, width in enumerate(widths):
        for _ in range(6 if stage else 1):
            layer = ModulatedConv2D(width, 3)
            # The paper counts the image's three channels once.
            inputs = 3 if not stage else 4 * previous
            layer.build((None, 8, 8, inputs))
            total += np.prod(layer.kernel.shape) * (1 if stage else 4)
            previous = width
    assert round(total / 1e6, 2) == millions


def test_m_filters_of_one_over_k_add_up_to_the_signs():
    layer = ModulatedConv2D(3, 3, modulation_initializer=keras.initializers.Constant(0.25))
    layer.build((None, 8, 8, 8))
    kernel = array(layer.quantize_kernel(layer.kernel)).reshape(3, 3, 8, 3, 4)
    np.testing.assert_allclose(kernel.sum(-1), np.sign(array(layer.kernel)), rtol=1e-6)


def test_the_task_gradient_stops_outside_of_the_window():
    layer = ModulatedConv2D(1, 1, planes=2, filter_weight=0.0)
    model = keras.Sequential([keras.Input((1, 1, 2)), layer])
    layer.set_weights([np.reshape([0.5, -1.5], (1, 1, 2, 1)), np.reshape([0.2, 0.3], (2, 1, 1))])
    model.compile(keras.optimizers.SGD(1.0), lambda target, y: ops.sum(y))
    model.train_on_batch(np.ones((1, 1, 1, 2)), np.zeros(1))
    np.testing.assert_allclose(array(layer.kernel).ravel(), [0.5 - 0.5, -1.5], atol=1e-6)


def test_modulation_rate_slows_the_m_filters_down():
    layer = small_layer(filter_weight=1.0, modulation_rate=0.5)
    _, to_m_filters = filter_loss_gradients(layer)
    np.testing.assert_allclose(to_m_filters[0].ravel(), [-0.1, 0.4, -0.05, 0.05], atol=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"planes": 0}, "planes"),
        ({"filter_weight": -1}, "filter_weight"),
        ({"filter_loss": "mean"}, "filter_loss"),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        ModulatedConv2D(4, 3, **options)
