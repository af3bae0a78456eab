"""The quantizers of Larq, against its formulas in numpy and numbers that larq 0.14.0 gave."""

import types

import keras
import numpy as np
import pytest

from keras_groupnet import quantizers
from tests.tensors import array, value_and_gradient

X = np.float32([-3.0, -1.2, -1.0, -0.5, -0.05, -0.01, 0.0, 0.01, 0.05, 0.4, 0.5, 1.0, 1.2, 3.0])
UPSTREAM = np.linspace(-1, 2, len(X)).astype("float32")
SIGNS = np.where(X < 0, -1.0, 1.0)


def window(clip_value):
    return np.abs(X) <= clip_value


def swish(beta):
    z = beta * X.astype("float64")
    return beta * (2 - z * np.tanh(z / 2)) / (1 + np.cosh(z))


def ternary(threshold):
    return np.where(X >= threshold, 1, np.where(X <= -threshold, -1, 0))


TANH = np.tanh(X.astype("float64"))
MEAN = np.abs(X).mean()
CASES = {
    "ste_sign": (quantizers.SteSign(), SIGNS, window(1)),
    "ste_sign_1.3": (quantizers.SteSign(1.3), SIGNS, window(1.3)),
    "ste_sign_none": (quantizers.SteSign(None), SIGNS, np.ones_like(X)),
    "approx_sign": (quantizers.ApproxSign(), SIGNS, window(1) * (2 - 2 * np.abs(X))),
    "swish_sign": (quantizers.SwishSign(), SIGNS, swish(5)),
    "swish_sign_2": (quantizers.SwishSign(2.0), SIGNS, swish(2)),
    "magnitude_aware_sign": (quantizers.MagnitudeAwareSign(), MEAN * SIGNS, MEAN * window(1)),
    "magnitude_none": (quantizers.MagnitudeAwareSign(None), MEAN * SIGNS, MEAN * np.ones_like(X)),
    "ste_tern": (quantizers.SteTern(), ternary(np.float32(0.05)), window(1)),
    "ste_tern_0": (quantizers.SteTern(0.0, clip_value=0.3), ternary(0) * (X != 0), window(0.3)),
    "ste_tern_twn": (
        quantizers.SteTern(ternary_weight_networks=True),
        ternary(0.7 * MEAN),
        window(1),
    ),
    "ste_heaviside": (quantizers.SteHeaviside(), X > 0, window(1)),
    "ste_heaviside_0.2": (quantizers.SteHeaviside(0.2), X > 0, window(0.2)),
    "no_op": (quantizers.NoOp(1), X, np.ones_like(X)),
    "dorefa": (quantizers.DoReFa(), np.round(np.clip(X, 0, 1) * 3) / 3, (X >= 0) & (X <= 1)),
    "dorefa_1": (quantizers.DoReFa(1), X > 0.5, (X >= 0) & (X <= 1)),
    "dorefa_weights": (
        quantizers.DoReFa(2, "weights"),
        2 * np.round((TANH / (2 * np.tanh(3.0)) + 0.5) * 3) / 3 - 1,
        (1 - TANH**2) / np.tanh(3.0),
    ),
}


@pytest.mark.parametrize("quantizer, values, slopes", CASES.values(), ids=CASES)
def test_values_and_gradients(quantizer, values, slopes):
    column = X[:, None]  # one output channel
    found, gradient = value_and_gradient(quantizer, column, UPSTREAM[:, None])
    np.testing.assert_allclose(found[:, 0], values, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(gradient[:, 0], UPSTREAM * slopes, rtol=1e-4, atol=1e-6)
    copy = quantizers.get(quantizers.serialize(quantizer))
    assert type(copy) is type(quantizer) and copy.get_config() == quantizer.get_config()


def test_numbers_that_larq_gave():
    """`tf.GradientTape` of larq 0.14.0 on [-1.5, -0.3, 0, 0.2, 0.9], upstream 1."""
    x = np.float32([-1.5, -0.3, 0.0, 0.2, 0.9])
    _, gradient = value_and_gradient(quantizers.SwishSign(), x)
    np.testing.assert_allclose(gradient, SWISH_OF_LARQ, rtol=1e-4)
    weights, gradient = value_and_gradient(quantizers.DoReFa(2, "weights"), x)
    np.testing.assert_allclose(weights, DOREFA_OF_LARQ[0], rtol=1e-6)
    np.testing.assert_allclose(gradient, DOREFA_OF_LARQ[1], rtol=1e-5)


SWISH_OF_LARQ = [-0.0303402096, 1.5619758368, 5.0, 3.0236611366, -0.2609109879]
DOREFA_OF_LARQ = [
    [-1.0, -0.3333333135, 0.3333333731, 0.3333333731, 1.0],
    [0.1996429712, 1.0110353231, 1.1047912836, 1.0617519617, 0.5379420519],
]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_slope_of_swish_sign_does_not_overflow(dtype):
    x = keras.ops.cast(np.float32([-6e4, -100.0, 100.0, 6e4]), dtype)
    quantizer = quantizers.SwishSign(20.0)

    def of_floats(x):
        return keras.ops.cast(quantizer(keras.ops.cast(x, dtype)), "float32")

    values, gradient = value_and_gradient(of_floats, array(x))
    np.testing.assert_array_equal(values, [-1, -1, 1, 1])
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


@pytest.mark.parametrize(
    "quantizer, shares",
    [
        (quantizers.SteTern(), [0.5, 0.5]),
        (quantizers.SteTern(0.0), [0.5, 0.5]),
        (quantizers.SteTern(ternary_weight_networks=True), [0.5, 0.5]),
        (quantizers.DoReFa(2, "weights"), [1 / 3, 2 / 3]),
        (quantizers.DoReFa(1, "weights"), [1.0]),
    ],
)
def test_weights_are_sums_of_binary_kernels(quantizer, shares):
    parts = quantizer.binary_parts(X)
    np.testing.assert_allclose([scale for scale, _ in parts], shares)
    for _, signs in parts:
        np.testing.assert_array_equal(np.abs(array(signs)), 1)
    total = sum(scale * array(signs) for scale, signs in parts)
    np.testing.assert_allclose(total, array(quantizer(X)), atol=1e-6)


def test_only_weights_of_dorefa_are_such_sums():
    assert not hasattr(quantizers.DoReFa(2), "binary_parts")


@pytest.mark.parametrize(
    "name, expected",
    [
        *((alias, quantizers.SwishSign) for alias in ("swish_sign", "SwishSign")),
        *((alias, quantizers.SteTern) for alias in ("ste_tern", "SteTern")),
        *((alias, quantizers.SteHeaviside) for alias in ("ste_heaviside", "SteHeaviside")),
        *((alias, quantizers.DoReFa) for alias in ("dorefa_quantizer", "DoReFa")),
        *((alias, quantizers.NoOp) for alias in ("no_op", "noop", "NoOp", "NoOpQuantizer")),
        (quantizers.ste_sign, quantizers.SteSign),
        (quantizers.functional.approx_sign, quantizers.ApproxSign),
        ({"class_name": "SteSign", "config": {"name": "q", "trainable": True, "dtype": "float32"}},)
        + (quantizers.SteSign,),
    ],
)
def test_names(name, expected):
    assert type(quantizers.get(name)) is expected


def test_no_alias_is_a_module():
    for alias in quantizers.serialization.ALIASES:
        if alias in quantizers.__all__:
            assert not isinstance(getattr(quantizers, alias), types.ModuleType)
    assert array(quantizers.ste_sign(X)).tolist() == SIGNS.tolist()


def test_a_registered_name_without_its_package():
    @keras.saving.register_keras_serializable(package="larq_test", name="my_sign")
    class MySign(quantizers.SteSign):
        pass

    assert type(quantizers.get("my_sign")) is MySign

    @keras.saving.register_keras_serializable(package="larq_test_2", name="my_sign")
    class Another(quantizers.SteSign):
        pass

    with pytest.raises(ValueError, match="larq_test>my_sign.*larq_test_2>my_sign.*Received"):
        quantizers.get("my_sign")
    assert type(quantizers.get("larq_test_2>my_sign")) is Another


@pytest.mark.parametrize(
    "make",
    [
        lambda: quantizers.SwishSign(0),
        lambda: quantizers.SwishSign(float("inf")),
        lambda: quantizers.SteTern(-0.1),
        lambda: quantizers.SteTern(clip_value=0),
        lambda: quantizers.SteHeaviside(-1),
        lambda: quantizers.MagnitudeAwareSign(0),
        lambda: quantizers.NoOp(0),
        lambda: quantizers.NoOp(True),
        lambda: quantizers.DoReFa(9),
        lambda: quantizers.DoReFa(2.0),
        lambda: quantizers.DoReFa(2, "weight"),
    ],
)
def test_impossible_arguments(make):
    with pytest.raises(ValueError, match="must be.*Received: "):
        make()
