"""Rounding that grows on its way is no problem; the same difference without a reason is one."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.checks.errors import Errors, WithErrors, none_allowed
from keras_groupnet.conversion.converter import ConversionError
from tests.expansion.networks import images, residual_net


class Passing:
    """An observer that hands everything on."""

    def quantizer(self, name, x):
        return x

    scale_map = kernel_layer = float_layer = quantizer


def test_errors_are_small_and_leave_quantized_values_alone():
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    observer = WithErrors(Passing(), seed=0)
    np.testing.assert_array_equal(observer.quantizer("q", x), x)
    for hook in (observer.scale_map, observer.kernel_layer, observer.float_layer):
        y = hook("layer", x)
        assert (y != x).any() and y.dtype == np.float32
        np.testing.assert_allclose(y, x, rtol=2e-6)


def test_what_errors_change_is_allowed():
    x = np.ones((3, 4, 2), np.float32)
    errors = Errors()
    for error in (0.5, 0.25):
        record = errors.recorded()
        assert record("a", x + np.float32([error, 0])) == np.inf
        assert record("a", x) == np.inf
    allowed = errors.allowed()
    # Four times the larger of two runs; the second: at least half as much as the first.
    np.testing.assert_allclose(allowed("a", x), [2.0, 1.0])
    np.testing.assert_allclose(allowed("a", x), [0.0, 0.0])
    assert allowed("b", x) == none_allowed("b", x) == 0.0


def canceling(scale: float) -> keras.Model:
    """Two bases whose shortcuts are multiplied by large numbers that cancel out."""
    net = kgn.expand(residual_net(2), 2, 2, print_fn=None)
    for name in ("b1_add", "b2_add"):
        net.get_layer(name).scales.assign([scale, 1 - scale])
    return net


@pytest.mark.parametrize("scale", [0.5, 2000.0])
def test_canceling_scales_convert(scale, tmp_path):
    net = canceling(scale)
    kgn.convert(net, tmp_path / "net.tflite", strict=True)
    found = kgn.lite.Interpreter(tmp_path / "net.tflite").predict(images())
    expected = net.predict(images(), verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_a_network_that_has_diverged_is_refused(tmp_path):
    net = canceling(0.5)
    for name in ("b1_add", "b2_add"):
        net.get_layer(name).scales.assign([1e22, 1e22])
    with pytest.raises(ConversionError, match="diverged"):
        kgn.convert(net, tmp_path / "net.tflite", strict=True)
