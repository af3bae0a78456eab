"""The quantizers of the baselines on one input, as their methods use them."""

import numpy as np
import pytest

from keras_groupnet import methods
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.scope import Scope
from tests.methods.networks import tiny
from tests.steps import losses
from tests.tensors import array, value_and_gradient

INPUT = np.array([-1.5, -0.6, -0.1, 0.0, 0.3, 0.9, 2.0])
SIGNS = np.array([-1, -1, -1, 1, 1, 1, 1])
MEAN = 0.771429


def weights(name, latent, upstream=None):
    """Quantized weights and gradient of the method's layer for one filter of seven taps."""
    layer = methods.get(name).low_bit_layer(BlockLayer("conv1", 1, 7), Scope())
    kernel = np.reshape(latent, (7, 1, -1, 1))
    upstream = None if upstream is None else np.reshape(upstream, kernel.shape)
    value, gradient = value_and_gradient(layer.quantize_kernel, kernel, upstream)
    return value[:, 0, :, 0], gradient[:, 0, :, 0]


def activations(name):
    return value_and_gradient(methods.get(name).activation("q"), INPUT)


def test_bnn():
    value, gradient = weights("bnn", INPUT)
    np.testing.assert_array_equal(value[:, 0], SIGNS)
    np.testing.assert_array_equal(gradient, 1)
    value, gradient = activations("bnn")
    np.testing.assert_array_equal(value, SIGNS)
    np.testing.assert_array_equal(gradient, np.abs(INPUT) <= 1)


def test_bnn_clips_its_latent_weights():
    net = tiny("bnn")
    losses(net, steps=2, learning_rate=1000.0)
    latent = [array(x.kernel) for x in net.layers if hasattr(x, "kernel_quantizer")]
    assert max(np.abs(kernel).max() for kernel in latent) == 1


def test_xnor_net():
    # Two input channels that are centred already. n is 14 here, 7 in the example.
    pair = np.stack([INPUT, -INPUT], axis=-1)
    value, gradient = weights("xnor_net", pair, np.stack([np.ones(7), -np.ones(7)], axis=-1))
    np.testing.assert_allclose(value[:, 0], MEAN * SIGNS, rtol=1e-6)
    by_hand = [0.142857, *[0.914286] * 5, 0.142857]
    np.testing.assert_allclose(gradient[:, 0], np.array(by_hand) - 1 / 7 + 1 / 14, atol=1e-6)
    _, gradient = activations("xnor_net")
    np.testing.assert_array_equal(gradient, np.abs(INPUT) <= 1)


def test_xnor_net_centres_over_the_input_channels():
    rng = np.random.default_rng(0)
    latent, upstream = rng.normal(size=(2, 7, 3)).astype("float32")
    value, gradient = weights("xnor_net", latent, upstream)
    centred = latent - latent.mean(axis=1, keepdims=True)
    alpha = np.abs(centred).mean()
    np.testing.assert_allclose(value, alpha * np.where(centred < 0, -1, 1), rtol=1e-5)
    at_centred = upstream * (1 / 21 + alpha * (np.abs(centred) < 1))
    expected = at_centred - at_centred.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_dorefa():
    value, gradient = weights("dorefa", INPUT)
    np.testing.assert_allclose(value[:, 0], MEAN * SIGNS, rtol=1e-6)
    np.testing.assert_array_equal(gradient, 1)
    value, gradient = activations("dorefa")
    np.testing.assert_allclose(value, [0, 0, 0, 0, 1 / 3, 1, 1], rtol=1e-6)
    np.testing.assert_array_equal(gradient, [0, 0, 0, 1, 1, 1, 0])
    with pytest.raises(ValueError, match="activation_bits.*Received: activation_bits=1"):
        methods.DoReFa(activation_bits=1)


def test_hwgq():
    value, gradient = activations("hwgq")
    np.testing.assert_allclose(value, [0, 0, 0, 0, 0.538, 1.076, 1.614], rtol=1e-6)
    np.testing.assert_array_equal(gradient, [0, 0, 0, 0, 1, 1, 0])
    value, _ = weights("hwgq", INPUT)
    np.testing.assert_allclose(value[:, 0], MEAN * SIGNS, rtol=1e-6)


def test_bi_real():
    value, gradient = weights("bi_real", INPUT)
    np.testing.assert_allclose(value[:, 0], MEAN * SIGNS, rtol=1e-6)
    np.testing.assert_allclose(gradient[:, 0], MEAN * (np.abs(INPUT) <= 1), rtol=1e-6)
    _, gradient = activations("bi_real")
    np.testing.assert_allclose(gradient, [0, 0.8, 1.8, 2.0, 1.4, 0.2, 0], atol=1e-6)
