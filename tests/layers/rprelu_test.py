import keras
import numpy as np
import pytest

from keras_groupnet.layers import ChannelScale, RPReLU
from tests.tensors import array


def test_both_shifts_and_a_slope_for_each_channel():
    layer = RPReLU()
    layer.build((None, 2))
    layer.input_shift.assign([1.0, -1.0])
    layer.alpha.assign([0.1, 2.0])
    layer.output_shift.assign([10.0, 20.0])
    x = np.array([[-3.0, -3.0], [0.0, 0.0], [3.0, 3.0]], "float32")
    np.testing.assert_allclose(array(layer(x)), [[9.8, 12.0], [11.0, 18.0], [14.0, 22.0]])


@pytest.mark.parametrize("shape", [(5,), (4, 5), (3, 4, 5)])
def test_it_starts_as_a_prelu(shape):
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    np.testing.assert_allclose(array(RPReLU()(x)), np.where(x > 0, x, 0.25 * x), rtol=1e-6)


def test_channel_scales_are_those_of_the_paper():
    layer = ChannelScale(6, ratio=2)
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 8)).astype("float32")
    scales = array(layer(x))
    assert scales.shape == (3, 1, 1, 6)
    hidden = np.maximum(x.mean((1, 2)) @ array(layer.reduction_kernel), 0)
    expected = 1 / (1 + np.exp(-hidden @ array(layer.expansion_kernel)))
    np.testing.assert_allclose(scales[:, 0, 0], expected, rtol=1e-5)
    assert layer.reduction_kernel.shape == (8, 4)
    assert ChannelScale(6)(np.ones((2, 3), "float32")).shape == (2, 6)  # at least one unit


def test_channel_scales_start_equal_for_equal_seeds():
    one, other, third = (ChannelScale(6, seed=seed) for seed in (4, 4, 5))
    for layer in (one, other, third):
        layer.build((None, 2, 2, 8))
    np.testing.assert_array_equal(array(one.expansion_kernel), array(other.expansion_kernel))
    assert not np.array_equal(array(one.expansion_kernel), array(third.expansion_kernel))


@pytest.mark.parametrize("options", [{"filters": 0}, {"filters": 4, "ratio": 0}])
def test_impossible_channel_scales(options):
    with pytest.raises(ValueError, match="at least 1. Received"):
        ChannelScale(**options)


def test_symbolic_shapes():
    assert RPReLU().compute_output_shape((None, 4, 4, 3)) == (None, 4, 4, 3)
    assert ChannelScale(7).compute_output_shape((None, 4, 4, 16)) == (None, 1, 1, 7)
    assert ChannelScale(7)(keras.Input((16,))).shape == (None, 7)
