"""ABC-Net's activations on an example worked out by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet.quantizers import ActivationBases
from tests.tensors import array, value_and_gradient

INPUTS = np.array([-1.5, -0.6, -0.1, 0.0, 0.3, 0.9, 2.0], "float32")


def layer(shifts, scales):
    result = ActivationBases(len(shifts))
    result.build((None, 7))
    result.set_weights([np.array(shifts), np.array(scales)])
    return result


def test_one_base_by_hand():
    value, gradient = value_and_gradient(layer([0.0], [1.0]), INPUTS)
    np.testing.assert_array_equal(value, [-1, -1, -1, -1, -1, 1, 1])
    np.testing.assert_array_equal(gradient, [0, 0, 0, 1, 1, 1, 0])


def test_the_threshold_belongs_to_the_upper_side():
    np.testing.assert_array_equal(array(layer([0.0], [1.0])(np.float32([0.5, 0.4999]))), [1, -1])


def test_sum_of_bases():
    value, gradient = value_and_gradient(layer([0.0, 1.0], [0.5, 0.25]), INPUTS)
    low, high = np.where(INPUTS >= 0.5, 1, -1), np.where(INPUTS >= -0.5, 1, -1)
    np.testing.assert_allclose(value, 0.5 * low + 0.25 * high)
    inside = [(INPUTS + v >= 0) & (INPUTS + v <= 1) for v in (0, 1)]
    np.testing.assert_allclose(gradient, 0.5 * inside[0] + 0.25 * inside[1])


def test_gradients_of_shifts_and_scales():
    bases = layer([0.0, 1.0], [0.5, 0.25])
    model = keras.Sequential([keras.Input((7,)), bases])
    model.compile(
        keras.optimizers.SGD(1.0), lambda target, y: ops.sum(y, axis=-1), run_eagerly=True
    )
    model.train_on_batch(INPUTS[None], np.zeros(1))
    inside = [((INPUTS + v >= 0) & (INPUTS + v <= 1)).sum() for v in (0, 1)]
    np.testing.assert_allclose(array(bases.shifts), [0 - 0.5 * inside[0], 1 - 0.25 * inside[1]])
    signs = [np.where(INPUTS + v >= 0.5, 1, -1).sum() for v in (0, 1)]
    np.testing.assert_allclose(array(bases.scales), [0.5 - signs[0], 0.25 - signs[1]])


@pytest.mark.parametrize(
    "bases, thresholds", [(1, [0]), (2, [0.5, -0.5]), (3, [1, 0, -1]), (5, [1, 0.5, 0, -0.5, -1])]
)
def test_initial_values(bases, thresholds):
    fresh = ActivationBases(bases)
    fresh.build((None, 3))
    np.testing.assert_allclose(0.5 - array(fresh.shifts), thresholds, atol=1e-6)
    np.testing.assert_allclose(array(fresh.scales).sum(), 1, rtol=1e-6)


@pytest.mark.parametrize("bases", [0, 1.0, True])
def test_impossible_bases(bases):
    with pytest.raises(ValueError, match="at least 1.*Received"):
        ActivationBases(bases)
