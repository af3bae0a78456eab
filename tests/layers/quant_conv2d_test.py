import keras
import numpy as np
import pytest

from keras_groupnet import quantizers
from keras_groupnet.layers import QuantConv2D
from tests.tensors import array


def reference(x, kernel, stride, dilation, value):
    """TensorFlow's SAME convolution in numpy, with `value` outside the feature map."""
    kh, kw = kernel.shape[:2]
    outputs, widths = [], [(0, 0)]
    for length, size in zip(x.shape[1:3], (kh, kw), strict=True):
        out = -(-length // stride)
        total = max((out - 1) * stride + (size - 1) * dilation + 1 - length, 0)
        outputs.append(out)
        widths.append((total // 2, total - total // 2))
    x = np.pad(x, [*widths, (0, 0)], constant_values=value)
    y = 0.0
    for i in range(kh):
        for j in range(kw):
            taps = x[:, i * dilation :: stride, j * dilation :: stride][
                :, : outputs[0], : outputs[1]
            ]
            y = y + taps @ kernel[i, j]
    return y


def binary_inputs(*shape):
    return np.random.default_rng(0).choice([-1.0, 1.0], size=shape).astype("float32")


@pytest.mark.parametrize("pad_values", [-1, 0, 1])
@pytest.mark.parametrize(
    "kernel_size, stride, dilation",
    [(3, 1, 1), (3, 2, 1), (1, 2, 1), ((2, 5), 1, 1), ((4, 3), 3, 1), (3, 1, 2), (2, 1, 3)],
)
@pytest.mark.parametrize("dynamic", [False, True])
def test_padding_equals_the_reference(kernel_size, stride, dilation, pad_values, dynamic):
    layer = QuantConv2D(
        5,
        kernel_size,
        strides=stride,
        dilation_rate=dilation,
        padding="same",
        pad_values=pad_values,
        kernel_quantizer="binary_weight",
        use_bias=False,
    )
    x = binary_inputs(2, 7, 10, 3)
    inputs = keras.Input((None, None, 3) if dynamic else (7, 10, 3))
    model = keras.Model(inputs, layer(inputs))
    y = model.predict(x, verbose=0)
    expected = reference(
        x, array(layer.quantize_kernel(layer.kernel)), stride, dilation, pad_values
    )
    np.testing.assert_allclose(y, expected, atol=1e-5)
    if not dynamic:
        assert model.output_shape[1:] == y.shape[1:]


@pytest.mark.parametrize("pad_values, expected", [(0, 4.0), (1, 9.0)])
def test_padding_with_ones_counts_the_taps_outside(pad_values, expected):
    layer = QuantConv2D(
        1, 3, padding="same", pad_values=pad_values, kernel_initializer="ones", use_bias=False
    )
    np.testing.assert_array_equal(array(layer(np.ones((1, 2, 2, 1)))).ravel(), [expected] * 4)


def test_quantized_product_is_exact_integer_arithmetic():
    layer = QuantConv2D(
        4,
        3,
        input_quantizer="ste_sign",
        kernel_quantizer=quantizers.BinaryWeight("none"),
        use_bias=False,
    )
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 70)).astype("float32")
    y = array(layer(x)).ravel()
    differing = np.where(x < 0, -1, 1)[0, ..., None] != np.where(array(layer.kernel) < 0, -1, 1)
    np.testing.assert_array_equal(y, 9 * 70 - 2 * differing.sum((0, 1, 2)))


def test_groups_bias_and_activation_are_those_of_keras():
    options = {"groups": 2, "activation": "relu", "bias_initializer": "ones", "padding": "same"}
    ours, theirs = QuantConv2D(4, 3, **options), keras.layers.Conv2D(4, 3, **options)
    x = binary_inputs(1, 5, 5, 6)
    ours.build(x.shape)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(array(ours(x)), array(theirs(x)), atol=1e-6)


def test_the_gradient_reaches_the_latent_kernel_unchanged():
    layer = QuantConv2D(1, 1, kernel_quantizer="binary_weight", use_bias=False)
    model = keras.Sequential([keras.Input((1, 1, 2)), layer])
    layer.set_weights([np.array([[[[0.25], [-0.75]]]])])
    model.compile(keras.optimizers.SGD(1.0), lambda target, y: keras.ops.mean(y))
    model.train_on_batch(np.array([[[[3.0, 5.0]]]]), np.zeros(1))
    # d mean(y) / d kernel is the input itself.
    np.testing.assert_allclose(layer.get_weights()[0].ravel(), [0.25 - 3, -0.75 - 5])


def test_mixed_precision(policy):
    layer = QuantConv2D(
        4,
        3,
        padding="same",
        pad_values=1,
        input_quantizer="approx_sign",
        kernel_quantizer=quantizers.BinaryWeight("none"),
        use_bias=False,
    )
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype("float32")
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == policy.compute_dtype
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == policy.variable_dtype
    signs = np.where(x < 0, -1.0, 1.0), np.where(array(layer.kernel) < 0, -1.0, 1.0)
    # Sums of at most 72 terms of 1 are exact even in bfloat16.
    np.testing.assert_array_equal(array(y), reference(*signs, 1, 1, 1.0))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"pad_values": 2, "padding": "same"}, "-1, 0 or 1"),
        ({"pad_values": 1}, "padding='same'"),
        ({"data_format": "channels_first"}, "channels_last"),
        ({"kernel_quantizer": "nonsense"}, "ste_sign"),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=f"{message}.*[rR]eceived"):
        QuantConv2D(4, 3, **options)


def test_sums_that_should_be_zero_are_zero():
    """Else the sign behind them hangs on rounding, and differs from the converted file's."""
    layer = QuantConv2D(16, 3, kernel_quantizer="binary_weight", use_bias=False)
    x = np.random.default_rng(0).choice([-1.0, 1.0], (2, 8, 8, 16)).astype("float32")
    outputs = keras.ops.convert_to_numpy(layer(x))
    quantized = layer.quantize_kernel(keras.ops.convert_to_tensor(layer.kernel))
    scale = np.abs(keras.ops.convert_to_numpy(quantized)).max((0, 1, 2))
    sums = np.round(outputs / scale)
    assert (sums == 0).sum() > 20
    np.testing.assert_array_equal(outputs, sums.astype("float32") * scale)
