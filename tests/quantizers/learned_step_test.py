import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet.deployment import NotBinary, describe, describe_quantizer
from keras_groupnet.layers import QuantConv2D
from keras_groupnet.quantizers import LearnedStepActivation, LearnedStepWeight
from keras_groupnet.quantizers.learned_step import learned_step
from tests.tensors import array, value_and_gradient

X = np.array([-1.0, -0.3, -0.1, 0.0, 0.2, 0.26, 0.6, 0.9, 3.0], "float32")
G = np.arange(1, 10, dtype="float32")


@pytest.mark.parametrize("lowest, highest", [(0, 3), (-2, 1), (-8, 7)])
def test_the_gradients_of_the_paper(lowest, highest):
    step = 0.5
    value, gradient = value_and_gradient(
        lambda x: learned_step(x, ops.convert_to_tensor(step), lowest, highest, 9.0), X, G
    )
    _, step_gradient = value_and_gradient(
        lambda s: learned_step(ops.convert_to_tensor(X), s, lowest, highest, 9.0), step, G
    )
    ratio = X / step
    np.testing.assert_allclose(value, step * np.clip(np.round(ratio), lowest, highest))
    np.testing.assert_array_equal(gradient, G * ((ratio > lowest) & (ratio < highest)))
    # Eq. 3 of the paper, and the factor of section 2.2.
    expected = np.where(
        ratio <= lowest, lowest, np.where(ratio >= highest, highest, np.round(ratio) - ratio)
    )
    expected = (G * expected).sum() / np.sqrt(9 * highest)
    np.testing.assert_allclose(step_gradient, expected, rtol=1e-5)


def test_the_count_is_that_of_the_features_of_a_sample():
    quantizer = LearnedStepActivation(2)
    x = np.full((5, 4, 3), 9.0, "float32")  # every value gets the largest code, 3
    quantizer.build(x.shape)

    def outputs(step):
        with keras.StatelessScope([(quantizer.step_size, step)]):
            return quantizer(ops.convert_to_tensor(x))

    _, gradient = value_and_gradient(outputs, 0.5)
    np.testing.assert_allclose(gradient, 60 * 3 / np.sqrt(12 * 3), rtol=1e-5)


@pytest.mark.parametrize("bits", [2, 4])
def test_steps_start_from_what_they_quantize(bits):
    x = np.random.default_rng(0).normal(size=(64, 500)).astype("float32")
    activation, weight = LearnedStepActivation(bits), LearnedStepWeight(bits)
    activation.build(x.shape)
    weight.build(x.shape)
    start = float(activation.step_size)
    activation.fit(x)  # of a standard Gaussian, the start is already there
    np.testing.assert_allclose(float(activation.step_size), start, rtol=0.02)
    expected = 2 * np.maximum(2 * x, 0).mean() / np.sqrt(2**bits - 1)
    activation.fit(2 * x)
    np.testing.assert_allclose(float(activation.step_size), expected, rtol=1e-5)
    weight.fit(x)
    expected = 2 * np.abs(x).mean() / np.sqrt(2 ** (bits - 1) - 1)
    np.testing.assert_allclose(float(weight.step_size), expected, rtol=1e-5)


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_weights_are_sums_of_binary_kernels(bits):
    layer = QuantConv2D(5, 3, kernel_quantizer=LearnedStepWeight(bits))
    layer.build((None, 6, 6, 8))
    quantizer = layer.kernel_quantizer
    levels = np.unique(array(layer.quantize_kernel(layer.kernel)) / float(quantizer.step))
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-5)
    assert levels.min() >= -(2 ** (bits - 1)) and levels.max() <= 2 ** (bits - 1) - 1
    parts = quantizer.binary_parts(ops.convert_to_tensor(layer.kernel))
    assert len(parts) == describe(layer).kernel_count == bits + 1
    assert all(set(np.unique(array(signs))) <= {-1, 1} for _, signs in parts)
    np.testing.assert_allclose(
        sum(scale * array(signs) for scale, signs in parts),
        array(layer.quantize_kernel(layer.kernel)),
        atol=1e-6,
    )


def test_what_has_been_learned_is_deployed():
    quantizer = LearnedStepActivation(4)
    quantizer.build((None, 3))
    quantizer.step_size.assign(0.3)
    deployed = describe_quantizer(quantizer)
    assert (deployed.bits, deployed.packed) == (4, True)
    assert deployed.beta == pytest.approx(15 * 0.3)
    np.testing.assert_allclose(array(deployed.quantizer(X)), array(quantizer(X[:, None]))[:, 0])


def test_a_step_that_ends_below_0_stays_a_step():
    quantizer = LearnedStepActivation(2)
    quantizer.build((None, 3))
    quantizer.step_size.assign(-1.0)
    assert 0 < describe_quantizer(quantizer).beta < 1e-4
    assert np.isfinite(array(quantizer(ops.convert_to_tensor(X[:, None])))).all()


@pytest.mark.parametrize("bits", [1, 5, 2.5, True])
def test_impossible_bits(bits):
    with pytest.raises(ValueError, match="from 2 to 4.*Received: bits="):
        LearnedStepWeight(bits)


@pytest.mark.parametrize("bits", [1, 9, True])
def test_impossible_bits_of_activations(bits):
    with pytest.raises(ValueError, match="from 2 to 8.*Received: bits="):
        LearnedStepActivation(bits)


def test_weights_of_one_magnitude_short_are_refused():
    layer = QuantConv2D(5, 3, kernel_quantizer=LearnedStepActivation(2))
    layer.build((None, 6, 6, 8))
    with pytest.raises(NotBinary, match="weights have 2 bits"):
        describe(layer)
