"""8-bit kernels and activations of quantization-aware training."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet import quantizers
from keras_groupnet.deployment import NotBinary, describe
from keras_groupnet.layers import QuantConv2D, QuantDense, QuantDepthwiseConv2D, Quantize
from keras_groupnet.quantizers import Int8Activation, Int8Weight
from tests.tensors import array, saved_and_loaded, value_and_gradient

X = np.array([-3.0, -1.0, -0.26, 0.0, 0.004, 0.3, 1.0, 2.0, 9.0], "float32")
G = np.arange(1, 10, dtype="float32")


def built(low, high, **kwargs):
    quantizer = Int8Activation(**kwargs)
    quantizer.build((None,))
    quantizer.low.assign(low)
    quantizer.high.assign(high)
    return quantizer


def expected_activations(x, low, high):
    low, high = min(low, 0), max(high, 0)
    scale = np.float32((high - low) / 255)
    zero_point = np.round(-128 - low / scale)
    code = np.round(x / scale) + zero_point
    inside = (code >= -128) & (code <= 127)
    return (np.clip(code, -128, 127) - zero_point) * scale, inside


def test_weights_have_one_scale_an_output_channel():
    w = np.random.default_rng(0).normal(size=(3, 3, 5, 4)).astype("float32")
    w[..., 1] *= 100
    w[..., 2] = 0
    upstream = np.random.default_rng(1).normal(size=w.shape).astype("float32")
    y, gradient = value_and_gradient(Int8Weight(), w, upstream)
    scale = np.abs(w).max((0, 1, 2)) / 127
    scale[2] = 1
    np.testing.assert_allclose(y, np.round(w / scale) * scale, rtol=1e-6)
    np.testing.assert_array_equal(gradient, upstream)
    codes = np.abs(y / scale).max((0, 1, 2))
    np.testing.assert_allclose(codes, [127, 127, 0, 127], rtol=1e-6)


def test_depthwise_kernels_have_one_for_each_of_their_outputs():
    layer = QuantDepthwiseConv2D(3, depth_multiplier=2, kernel_quantizer="int8_weight")
    layer.build((None, 5, 5, 4))
    latent = array(layer.kernel.value) * (1 + np.arange(8).reshape(4, 2))
    layer.kernel.assign(latent)
    scale = np.abs(latent).max((0, 1)) / 127
    quantized = array(layer.quantize_kernel(layer.kernel))
    np.testing.assert_allclose(quantized, np.round(latent / scale) * scale, rtol=1e-5)


@pytest.mark.parametrize("low, high", [(-1.0, 2.0), (0.5, 2.0), (-2.0, -1.0), (-1.1, 0.9)])
def test_activations_and_their_gradient(low, high):
    y, gradient = value_and_gradient(built(low, high), X, G)
    expected, inside = expected_activations(X, low, high)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(gradient, G * inside)
    assert 0 < inside.sum() < len(X)
    assert y[X == 0] == 0


def test_a_range_of_zeros():
    quantizer = built(0.0, 0.0)
    y, _ = value_and_gradient(quantizer, X)
    assert np.isfinite(y).all() and np.abs(y).max() < 1e-5
    assert quantizer.scale_and_zero_point()[0] > 0


def test_half_precision_is_rounded_once():
    x = ops.cast(X, "bfloat16")
    y = built(-1.0, 2.0)(x)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    full = ops.cast(array(built(-1.0, 2.0)(ops.cast(x, "float32"))), "bfloat16")
    np.testing.assert_array_equal(array(y), array(full))


def test_ranges_move_in_training_alone():
    quantizer = built(-6.0, 6.0, momentum=0.75)
    batches = [np.array([-k, 2.0 * k], "float32") for k in range(1, 7)]
    low = high = 0.0
    for number, batch in enumerate(batches):
        rate = max(0.25, 1 / (number + 1))
        low, high = low + rate * (batch.min() - low), high + rate * (batch.max() - high)
        y = quantizer(batch, training=True)
        np.testing.assert_allclose(array(y), expected_activations(batch, low, high)[0], rtol=1e-5)
        quantizer(100 * batch, training=False)
        quantizer(100 * batch)
    np.testing.assert_allclose([float(quantizer.low), float(quantizer.high)], [low, high], 1e-6)
    quantizer.trainable = False
    quantizer(100 * batch, training=True)
    assert float(quantizer.batches) == 6 and float(quantizer.low) == pytest.approx(low)


def test_fit_takes_the_range_of_some_activations():
    quantizer = built(-6.0, 6.0)
    quantizer.fit(X)
    assert [float(quantizer.low), float(quantizer.high)] == [-3, 9]
    assert quantizer.scale_and_zero_point() == (np.float32(12 / 255), -64)
    quantizer(3 * X, training=True)  # the second batch
    assert [float(quantizer.low), float(quantizer.high)] == [-6, 18]


def network():
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((6, 6, 3))
    eight = {"input_quantizer": "int8_activation", "kernel_quantizer": "int8_weight"}
    x = QuantConv2D(4, 3, **eight, activation="relu")(x)
    x = Quantize("int8_activation")(x)
    x = QuantDepthwiseConv2D(3, **eight)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, QuantDense(2, **eight)(x))


def test_fit_trains_and_files_keep_the_ranges(tmp_path):
    model = network()
    x = np.random.default_rng(0).normal(size=(32, 6, 6, 3)).astype("float32")
    y = (x.mean((1, 2, 3)) > 0).astype("int32")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [array(layer.kernel.value) for layer in model.layers if hasattr(layer, "kernel")]
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    after = [array(layer.kernel.value) for layer in model.layers if hasattr(layer, "kernel")]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    stem = model.layers[1].input_quantizer
    assert float(stem.batches) == 4
    assert float(stem.low) == pytest.approx(x.min(), abs=1) and float(stem.high) < 6
    assert len(model.trainable_variables) == 6
    predicted = model.predict(x, verbose=0)
    assert float(stem.batches) == 4
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), predicted)
    assert loaded.layers[1].input_quantizer.get_config()["momentum"] == 0.99


@pytest.mark.parametrize("momentum", [-0.1, 1, 1.5, float("nan")])
def test_impossible_momentum(momentum):
    with pytest.raises(ValueError, match="less than 1.*Received: momentum="):
        Int8Activation(momentum)


def test_names():
    assert isinstance(quantizers.get("int8_weight"), Int8Weight)
    assert isinstance(quantizers.get("Int8Activation"), Int8Activation)


def test_such_layers_are_float_layers():
    for layer in network().layers:
        assert isinstance(layer, Quantize) or describe(layer) is None


@pytest.mark.parametrize(
    "options",
    [
        {"input_quantizer": "ste_sign", "kernel_quantizer": "int8_weight"},
        {"input_quantizer": "int8_activation"},
    ],
)
def test_other_pairs_are_no_layers_of_8_bits(options):
    layer = QuantDense(2, **options)
    layer.build((None, 4))
    with pytest.raises(NotBinary, match="8 bits|no kernel quantizer"):
        describe(layer)


def test_binary_kernels_may_read_8_bits():
    layer = QuantDense(2, input_quantizer="int8_activation", kernel_quantizer="ste_sign")
    layer.build((None, 4))
    assert describe(layer).input_bits == 8
