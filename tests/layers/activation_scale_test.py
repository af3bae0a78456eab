import keras
import numpy as np
import pytest

from keras_groupnet.layers import ActivationScale, QuantConv2D


@pytest.mark.parametrize("mode", ["xnor", "mean"])
@pytest.mark.parametrize(
    "kernel_size, strides, padding, dilation_rate",
    [(3, 1, "same", 1), (3, 2, "same", 1), ((1, 4), 3, "valid", 1), (3, 1, "valid", 2)],
)
def test_fits_the_convolution_it_scales(mode, kernel_size, strides, padding, dilation_rate):
    options = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    inputs = keras.Input((9, 8, 3))
    y = QuantConv2D(4, kernel_size, **options)(inputs)
    scales = ActivationScale(mode, kernel_size, **options)(inputs)
    assert scales.shape == ((None, *y.shape[1:3], 1) if mode == "xnor" else (None, 1, 1, 1))
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 3))
    values = keras.Model(inputs, scales).predict(x, verbose=0)
    assert values.shape[1:] == scales.shape[1:]
    assert (values > 0).all()


def test_mean_of_each_sample():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, ActivationScale("mean")(inputs))
    values = model.predict(np.array([[1.0, -2.0, 3.0], [0.0, 0.0, -3.0]]), verbose=0)
    np.testing.assert_array_equal(values, [[2.0], [1.0]])


def test_impossible_arguments():
    with pytest.raises(ValueError, match="xnor.*Received: mode='none'"):
        ActivationScale("none")
    with pytest.raises(ValueError, match="valid.*Received: padding='full'"):
        ActivationScale(padding="full")
