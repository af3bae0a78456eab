import keras
import numpy as np
import pytest

from keras_groupnet import quantizers
from keras_groupnet.quantizers import HalfWaveGaussian
from tests.tensors import array, value_and_gradient


def test_thresholds_and_window():
    edges = np.array([0.0, 0.807, 1.345])
    below, _ = value_and_gradient(HalfWaveGaussian(), edges - 1e-4)
    above, _ = value_and_gradient(HalfWaveGaussian(), edges + 1e-4)
    np.testing.assert_allclose(below, [0, 0.538, 1.076], rtol=1e-6)
    np.testing.assert_allclose(above, [0.538, 1.076, 1.614], rtol=1e-6)
    _, gradient = value_and_gradient(HalfWaveGaussian(), [-0.1, 0.0, 1e-6, 1.6139, 1.6141, np.inf])
    np.testing.assert_array_equal(gradient, [0, 0, 1, 1, 0, 0])


def test_the_step_fits_half_a_gaussian_best():
    x = np.abs(np.random.default_rng(0).normal(size=200_000)).astype("float32")
    errors = {
        step: np.mean((array(HalfWaveGaussian(step)(x)) - x) ** 2) for step in (0.50, 0.538, 0.58)
    }
    assert min(errors, key=errors.get) == 0.538


def test_it_is_the_uniform_quantizer_of_lifted_values():
    quantizer = HalfWaveGaussian(0.7)
    x = np.linspace(-1, 3, 401, dtype="float32")
    lifted = quantizer.uniform(quantizer.lift(x))
    np.testing.assert_array_equal(array(quantizer(x)), array(lifted))


def test_serialisation():
    copy = quantizers.get(quantizers.serialize(HalfWaveGaussian(0.6)))
    assert isinstance(copy, HalfWaveGaussian) and copy.step == 0.6
    assert quantizers.get("half_wave_gaussian").step == 0.538
    assert copy.precision == 2


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan")])
def test_steps_that_are_none(step):
    with pytest.raises(ValueError, match="positive.*Received: step"):
        HalfWaveGaussian(step)


def test_half_precision(policy):
    x = keras.ops.cast(np.array([-1.0, 0.1, 0.9, 5.0]), policy.compute_dtype)
    y = HalfWaveGaussian()(x)
    assert keras.backend.standardize_dtype(y.dtype) == policy.compute_dtype
    np.testing.assert_allclose(array(y), [0, 0.538, 1.076, 1.614], rtol=1e-2)
