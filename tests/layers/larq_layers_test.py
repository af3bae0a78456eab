"""Layers that Larq has: the Keras layer on quantized values, and what they say when they cannot."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet import layers
from tests.steps import digits
from tests.tensors import array

SIGN = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign"}


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def signs(x):
    return np.where(np.asarray(x) < 0, np.float32(-1), np.float32(1))


def like(float_layer, layer, x, names=("kernel",)):
    """What the float layer gives with the signs of the other's latent kernels and its bias."""
    layer(x)
    float_layer.build(x.shape)
    for name in names:
        getattr(float_layer, name).assign(signs(array(getattr(layer, name))))
    layer.bias.assign(normal(*layer.bias.shape))
    float_layer.bias.assign(layer.bias)
    return array(float_layer(signs(x)))


@pytest.mark.parametrize(
    "name, float_class, arguments, shape",
    [
        ("QuantConv1D", keras.layers.Conv1D, (4, 3, 2, "same"), (2, 9, 3)),
        ("QuantConv3D", keras.layers.Conv3D, (4, 2, 1, "same"), (2, 4, 5, 3, 3)),
        ("QuantConv2DTranspose", keras.layers.Conv2DTranspose, (4, 3, 2, "same"), (2, 4, 5, 3)),
        ("QuantConv3DTranspose", keras.layers.Conv3DTranspose, (4, 3, 2), (2, 3, 2, 3, 3)),
    ],
)
def test_signs_through_the_keras_layer(name, float_class, arguments, shape):
    x = normal(*shape)
    layer = getattr(layers, name)(*arguments, **SIGN)
    expected = like(float_class(*arguments), layer, x)
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "name, float_class, shape",
    [
        ("QuantSeparableConv1D", keras.layers.SeparableConv1D, (2, 9, 3)),
        ("QuantSeparableConv2D", keras.layers.SeparableConv2D, (2, 6, 5, 3)),
    ],
)
def test_separable(name, float_class, shape):
    arguments = {"filters": 4, "kernel_size": 3, "padding": "same", "depth_multiplier": 2}
    layer = getattr(layers, name)(
        **arguments,
        input_quantizer="ste_sign",
        depthwise_quantizer="ste_sign",
        pointwise_quantizer="ste_sign",
    )
    x = normal(*shape)
    expected = like(float_class(**arguments), layer, x, ("depthwise_kernel", "pointwise_kernel"))
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)


def test_the_scale_of_a_transposed_kernel_is_that_of_an_output_channel():
    layer = layers.QuantConv2DTranspose(4, 3, kernel_quantizer="magnitude_aware_sign")
    layer(normal(1, 4, 4, 2))
    kernel = array(layer.kernel)  # (kh, kw, filters, Cin)
    expected = np.abs(kernel).mean(axis=(0, 1, 3), keepdims=True) * signs(kernel)
    np.testing.assert_allclose(array(layer.quantize_kernel(layer.kernel)), expected, rtol=1e-6)


def test_causal_padding_looks_back_only():
    layer = layers.QuantConv1D(4, 3, padding="causal", dilation_rate=2, **SIGN)
    x = normal(1, 9, 3)
    before = array(layer(x))
    x[0, 5:] *= -1
    after = array(layer(x))
    np.testing.assert_array_equal(after[0, :5], before[0, :5])
    assert (after[0, 5:] != before[0, 5:]).any()


def test_both_names_of_a_depthwise_quantizer():
    layer = layers.QuantDepthwiseConv2D(3, depthwise_quantizer="ste_sign")
    assert layer.depthwise_quantizer is layer.kernel_quantizer
    assert type(layer.depthwise_quantizer).__name__ == "SteSign"
    with pytest.raises(ValueError, match="the same: give one of them. Received"):
        layers.QuantDepthwiseConv2D(3, depthwise_quantizer="ste_sign", kernel_quantizer="no_op")


@pytest.mark.parametrize("name", ["QuantLocallyConnected1D", "QuantLocallyConnected2D"])
def test_layers_that_keras_3_has_no_more(name):
    with pytest.raises(AttributeError, match=f"no {name}, as Keras 3.*QuantDense"):
        getattr(layers, name)


def test_names_of_activations_and_constraints():
    layer = layers.QuantDense(
        4, activation="leaky_tanh", kernel_constraint="weight_clip", bias_constraint="clip"
    )
    assert layer.activation is kgn.activations.leaky_tanh
    assert type(layer.kernel_constraint) is kgn.constraints.WeightClip
    assert type(layer.bias_constraint) is kgn.constraints.Clip
    copy = layers.QuantDense.from_config(layer.get_config())
    assert copy.activation is layer.activation
    assert copy.kernel_constraint.limit == 1
    assert type(layers.QuantDense(4, activation="ste_sign").activation).__name__ == "SteSign"
    with pytest.raises(ValueError, match="weight_clip.*Received: 'weight_klip'"):
        layers.QuantDense(4, kernel_constraint="weight_klip")
    with pytest.raises(ValueError, match="activation"):
        layers.QuantDense(4, activation="leaky_tan")


def test_leaky_tanh_by_hand():
    x = np.float32([-3, -1, -0.5, 0, 1, 2])
    expected = np.float32([-1.4, -1, -0.5, 0, 1, 1.2])
    np.testing.assert_allclose(array(kgn.activations.leaky_tanh(x)), expected, rtol=1e-6)
    expected = np.float32([-2, -1, -0.5, 0, 1, 1.5])
    np.testing.assert_allclose(array(kgn.activations.leaky_tanh(x, 0.5)), expected, rtol=1e-6)
    np.testing.assert_allclose(array(kgn.activations.hard_tanh(x)), np.clip(x, -1, 1))


def test_a_mark_of_binary_kernels():
    layer = layers.QuantDense(4, kernel_quantizer=kgn.quantizers.NoOp(precision=1))
    x = normal(2, 8)
    outputs = array(layer(x))
    np.testing.assert_allclose(outputs, x @ array(layer.kernel), rtol=1e-5, atol=1e-6)
    assert layer.kernel.precision == 1
    plain = layers.QuantDense(4)
    plain(x)
    assert plain.kernel.precision == 32


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="Keras drops metrics of layers there")
def test_flip_ratio_in_the_logs():
    with kgn.context.metrics_scope(["flip_ratio"]):
        first = layers.QuantConv2D(4, 3, kernel_quantizer="ste_sign", name="first")
    last = layers.QuantDense(10, kernel_quantizer="ste_sign", metrics=["flip_ratio"], name="last")
    neither = layers.QuantConv2D(4, 3, kernel_quantizer="ste_sign")
    assert (first.training_metrics, neither.training_metrics) == (["flip_ratio"], [])
    rectified = layers.RectifiedConv2D(4, 3, metrics=["flip_ratio"], name="rectified")
    flatten = keras.layers.Flatten()
    model = keras.Sequential([keras.Input((8, 8, 1)), first, neither, rectified, flatten, last])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.003), loss)
    x, y = digits(16)
    signs = []

    class Signs(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            signs.append(array(last.kernel) < 0)

    logs = model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[Signs()]).history
    ratios = {name: values for name, values in logs.items() if "flip_ratio" in name}
    assert set(ratios) == {f"flip_ratio/{name}" for name in ("first", "rectified", "last")}
    flips = [(a != b).mean() for a, b in zip(signs, signs[1:], strict=False)]
    assert sum(flips) > 0
    expected = [np.mean(flips[:3]), np.mean(flips[3:])]
    np.testing.assert_allclose(ratios["flip_ratio/last"], expected, rtol=1e-5)
    assert layers.QuantDense.from_config(last.get_config()).training_metrics == ["flip_ratio"]


def test_metrics_that_are_none():
    with pytest.raises(ValueError, match="flip_ratio.*Received: metrics=\\['flips'\\]"):
        layers.QuantDense(4, metrics=["flips"])
    if keras.backend.backend() == "jax":
        with pytest.raises(ValueError, match="BinaryStatistics"):
            layers.QuantDense(4, metrics=["flip_ratio"])
