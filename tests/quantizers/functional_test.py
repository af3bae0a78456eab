"""Eq. 1 and 2 of Group-Net, signs and scale maps on examples worked out by hand; half precision."""

import numpy as np
import pytest
from keras import ops

from keras_groupnet import quantizers
from keras_groupnet.quantizers import functional
from tests.tensors import array, value_and_gradient

KERNEL = np.array([[[[0.5, -1.0], [-0.25, 0.0]]]])
UPSTREAM = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
SIGN_INPUTS = [-1.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5]
SIGNS = [-1, -1, -1, 1, 1, 1, 1, 1]
CODE_INPUTS = [-0.2, 0.0, 1 / 6, 0.2, 0.5, 0.8, 1.0, 1.7]


@pytest.mark.parametrize(
    "scale, expected",
    [
        ("channel", [[0.375, -0.5], [-0.375, 0.5]]),
        ("tensor", [[0.4375, -0.4375], [-0.4375, 0.4375]]),
        ("none", [[1, -1], [-1, 1]]),
    ],
)
def test_binary_weight_by_hand(scale, expected):
    value, gradient = value_and_gradient(
        lambda w: functional.binary_weight(w, scale), KERNEL, UPSTREAM
    )
    np.testing.assert_array_equal(value[0, 0], expected)
    np.testing.assert_array_equal(gradient, UPSTREAM)


def test_channel_scale_is_the_best_multiple_of_the_signs():
    latent = np.random.default_rng(0).normal(size=(3, 3, 5, 4)).astype("float32")
    binary = array(functional.binary_weight(latent)) / np.abs(latent).mean((0, 1, 2))
    best = (latent * binary).sum((0, 1, 2)) / (binary**2).sum((0, 1, 2))
    np.testing.assert_allclose(best, np.abs(latent).mean((0, 1, 2)), rtol=1e-5)


def test_magnitude_aware_sign_by_hand():
    value, gradient = value_and_gradient(functional.magnitude_aware_sign, KERNEL, UPSTREAM)
    np.testing.assert_array_equal(value[0, 0], [[0.375, -0.5], [-0.375, 0.5]])
    np.testing.assert_array_equal(gradient[0, 0], [[0.375, 1.0], [1.125, 2.0]])


def test_magnitude_aware_sign_has_a_window():
    _, gradient = value_and_gradient(functional.magnitude_aware_sign, [[2.0], [-1.0]])
    np.testing.assert_array_equal(gradient, [[0.0], [1.5]])


@pytest.mark.parametrize(
    "bits, beta, expected",
    [
        (2, 1.0, [0, 0, 0, 1 / 3, 2 / 3, 2 / 3, 1, 1]),
        (4, 1.0, [0, 0, 2 / 15, 3 / 15, 8 / 15, 12 / 15, 1, 1]),
        (2, 2.0, [0, 0, 0, 0, 2 / 3, 2 / 3, 4 / 3, 2]),
    ],
)
def test_k_bit_activation_by_hand(bits, beta, expected):
    value = functional.k_bit_activation(np.array(CODE_INPUTS, "float32"), bits, beta)
    np.testing.assert_allclose(array(value), expected, atol=1e-6)


def test_k_bit_activation_rounds_ties_to_even():
    # beta = 3 makes the codes themselves the inputs: ties are exact.
    value = functional.k_bit_activation(np.array([0.5, 1.5, 2.5], "float32"), 2, 3.0)
    np.testing.assert_array_equal(array(value), [0, 2, 2])


def test_k_bit_activation_has_a_gradient_inside_of_its_range_only():
    _, gradient = value_and_gradient(functional.k_bit_activation, CODE_INPUTS)
    np.testing.assert_array_equal(gradient, [0, 1, 1, 1, 1, 1, 1, 0])
    _, gradient = value_and_gradient(
        lambda x: functional.k_bit_activation(x, beta=1.5), [1.5, 1.6], [7.0, 7.0]
    )
    np.testing.assert_array_equal(gradient, [7, 0])


@pytest.mark.parametrize(
    "function, expected",
    [
        (functional.ste_sign, [0, 1, 1, 1, 1, 1, 1, 0]),
        (quantizers.SteSign(clip_value=0.5), [0, 0, 1, 1, 1, 1, 0, 0]),
        (quantizers.SteSign(clip_value=1.5), [1, 1, 1, 1, 1, 1, 1, 1]),
        (quantizers.SteSign(clip_value=None), [1, 1, 1, 1, 1, 1, 1, 1]),
        (functional.approx_sign, [0, 0, 1, 2, 2, 1, 0, 0]),
    ],
)
def test_sign_and_gradient_by_hand(function, expected):
    value, gradient = value_and_gradient(function, SIGN_INPUTS)
    np.testing.assert_array_equal(value, SIGNS)
    np.testing.assert_array_equal(gradient, expected)
    _, gradient = value_and_gradient(function, SIGN_INPUTS, [-3.0] * 8)
    np.testing.assert_array_equal(gradient, np.multiply(expected, -3.0))


def test_the_gradient_of_approx_sign_integrates_to_the_jump_of_the_sign():
    grid = np.linspace(-1, 1, 2001)
    _, gradient = value_and_gradient(functional.approx_sign, grid)
    np.testing.assert_allclose(np.trapezoid(gradient, grid), 2.0, atol=1e-5)


def test_sign_of_nan_is_plus_one_as_in_the_kernels():
    assert array(functional.sign(np.array([np.nan], "float32"))) == 1


def test_xnor_scale_map_by_hand():
    alternating = np.where(np.indices((1, 4, 4, 2)).sum(0) % 2, -1, 1)
    x = (np.arange(1, 33).reshape(1, 4, 4, 2) * alternating / 32).astype("float32")
    scales = array(functional.xnor_scale_map(x, "xnor", (3, 3), padding="valid"))
    np.testing.assert_allclose(
        scales[0, :, :, 0], [[0.359375, 0.421875], [0.609375, 0.671875]], atol=1e-6
    )
    np.testing.assert_allclose(array(functional.xnor_scale_map(x, "mean")), [[[[0.515625]]]])


def test_xnor_scale_map_moves_like_the_convolution_and_counts_outside_as_zero():
    x = np.random.default_rng(1).normal(size=(2, 7, 6, 3)).astype("float32")
    scales = array(functional.xnor_scale_map(x, "xnor", (3, 3), (1, 1), "same", (2, 2)))
    magnitude = np.pad(np.abs(x).mean(-1), ((0, 0), (2, 2), (2, 2)))
    expected = sum(magnitude[:, i : i + 7, j : j + 6] for i in (0, 2, 4) for j in (0, 2, 4)) / 9
    np.testing.assert_allclose(scales[..., 0], expected, rtol=1e-5)
    strided = array(functional.xnor_scale_map(x, "xnor", (1, 1), (2, 2)))
    np.testing.assert_allclose(strided[..., 0], np.abs(x).mean(-1)[:, ::2, ::2], rtol=1e-5)


@pytest.mark.parametrize("mode", ["xnor", "mean"])
def test_xnor_scale_map_of_features_is_their_mean_and_stops_the_gradient(mode):
    x = np.array([[1.0, -3.0], [0.0, 5.0]])
    value, gradient = value_and_gradient(lambda x: x * functional.xnor_scale_map(x, mode), x)
    np.testing.assert_array_equal(value, [[2.0, -6.0], [0.0, 12.5]])
    np.testing.assert_array_equal(gradient, [[2.0, 2.0], [2.5, 2.5]])


def test_xnor_scale_map_does_not_overflow_float16():
    x = ops.full((1, 64, 64, 32), 100.0, dtype="float16")
    np.testing.assert_array_equal(array(functional.xnor_scale_map(x, "mean")), [[[[100.0]]]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_values_are_exact_in_every_dtype(dtype):
    # 60,000 and beyond: where `x + stop_gradient(q - x)` fails.
    x = ops.cast(np.array([-60000.0, -2049.0, -1e-7, 0.0, 0.3, 2049.0, 60000.0]), dtype)
    for function in (functional.ste_sign, functional.approx_sign):
        result = function(x)
        assert result.dtype == x.dtype
        np.testing.assert_array_equal(np.abs(array(result)), np.ones(7))
    for bits, beta in ((2, 1.0), (4, 1.0), (4, 2.5)):
        top = 2**bits - 1
        x = ops.cast(np.concatenate([np.linspace(-1, 4, 97), [60000.0]]), dtype)
        result = functional.k_bit_activation(x, bits, beta)
        assert result.dtype == x.dtype
        codes = np.round(array(result) / (beta / top))
        assert set(codes) == set(range(2**bits))
        np.testing.assert_array_equal(array(result), array(ops.cast(codes, dtype) * (beta / top)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_binary_weights_have_one_magnitude_per_channel_in_half_precision(dtype):
    latent = ops.cast(np.random.default_rng(0).normal(size=(3, 3, 16, 8)), dtype)
    magnitude = np.abs(array(functional.binary_weight(latent))).reshape(-1, 8)
    np.testing.assert_array_equal(magnitude.min(0), magnitude.max(0))
    mean = np.abs(array(latent)).mean((0, 1, 2))
    np.testing.assert_allclose(magnitude[0], mean, rtol=1e-2)
