import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.deployment import NotBinary, Window, conv2d, dense, describe
from keras_groupnet.deployment.describe import binary_deployment, split_kernel
from tests.tensors import array

L = kgn.layers
Q = kgn.quantizers


def computed(deployment, x):
    """The formula of a `Deployment`, in Keras' ops."""
    total = 0
    for source in deployment.inputs:
        values = x
        if source.quantization is not None:
            values = x + source.offset
            if source.quantization.before is not None:
                values = source.quantization.before(values)
            values = source.quantization.quantizer(values)
        for kernel in deployment.read_kernels():
            signs = keras.ops.convert_to_tensor(kernel.signs)
            if deployment.window is None:
                y = keras.ops.matmul(values, signs)
            else:
                window = deployment.window
                y = keras.ops.conv(
                    values, signs, window.strides, window.padding, dilation_rate=window.dilation
                )
            total = total + y * kernel.scales * np.float32(source.factor)
    if deployment.bias is not None:
        total = total + deployment.bias()
    return deployment.activation(total) if deployment.activation is not None else total


ONE_BIT = {"kernel_quantizer": "binary_weight", "input_quantizer": "ste_sign"}
LAYERS = {
    "dense": lambda: L.QuantDense(5, activation="relu", **ONE_BIT),
    "conv": lambda: L.QuantConv2D(6, 3, strides=2, padding="same", **ONE_BIT),
    "dilated": lambda: L.QuantConv2D(6, (1, 3), dilation_rate=2, **ONE_BIT),
    "float input": lambda: L.QuantConv2D(6, 3, kernel_quantizer="xnor_weight"),
    "2-bit input": lambda: L.QuantConv2D(
        6, 3, kernel_quantizer="binary_weight", input_quantizer=Q.KBitActivation(2)
    ),
    "gaussian": lambda: L.QuantConv2D(
        6, 3, kernel_quantizer="binary_weight", input_quantizer=Q.HalfWaveGaussian()
    ),
    "2-bit weights": lambda: L.QuantConv2D(
        6, 3, kernel_quantizer=Q.KBitWeight(2), input_quantizer="ste_sign"
    ),
    "bases": lambda: L.QuantConv2D(
        6, 3, kernel_quantizer=Q.WeightBases(3), input_quantizer=Q.ActivationBases(2)
    ),
    "projection": lambda: L.ProjectionConv2D(3, 3, projections=2, input_quantizer="ste_sign"),
    "rectified": lambda: L.RectifiedConv2D(6, 3, input_quantizer="ste_sign"),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_the_description_computes_what_the_layer_computes(make):
    keras.utils.set_random_seed(0)
    layer = make()
    generator = np.random.default_rng(0)
    x = keras.ops.convert_to_tensor(generator.normal(0, 1, (2, 9, 9, 4)).astype(np.float32))
    expected = array(layer(x))
    if getattr(layer, "bias", None) is not None:
        layer.bias.assign(generator.normal(0, 1, layer.bias.shape))
        expected = array(layer(x))
    deployment = describe(layer)
    np.testing.assert_allclose(array(computed(deployment, x)), expected, rtol=1e-4, atol=1e-4)
    kernels = deployment.read_kernels()
    assert len(kernels) == deployment.kernel_count
    assert {kernel.signs.shape for kernel in kernels} == {deployment.kernel_shape}
    assert all(set(np.unique(kernel.signs)) <= {-1, 1} for kernel in kernels)
    assert binary_deployment(layer) is not None


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (L.QuantDense(3), "no kernel quantizer"),
        (L.QuantDense(3, kernel_quantizer=lambda w: w), "does not say how many bits"),
        (L.ProjectionConv2D(3, 3, levels=3), "2 bits"),
        (
            L.QuantDense(3, kernel_quantizer="binary_weight", input_quantizer=lambda x: x),
            "does not say how many bits",
        ),
    ],
)
def test_reasons_not_to_be_binary(layer, why):
    layer.build((None, 8, 8, 4) if isinstance(layer, keras.layers.Conv2D) else (None, 4))
    with pytest.raises(NotBinary, match=why):
        describe(layer)
    assert binary_deployment(layer) is None


def test_ordinary_and_unbuilt_layers():
    assert describe(keras.layers.Dense(3)) is None
    assert binary_deployment(L.QuantDense(3, **ONE_BIT)) is None


def test_one_magnitude_for_each_output_channel():
    kernel = split_kernel(np.float32([[2, -3], [-2, 3]]))
    np.testing.assert_array_equal(kernel.scales, [2, 3])
    np.testing.assert_array_equal(kernel.signs, [[1, -1], [-1, 1]])
    with pytest.raises(NotBinary, match="more than one magnitude"):
        split_kernel(np.float32([[2, 3], [1, 3]]))


@pytest.mark.parametrize(
    ("quantizer", "pad_value", "given", "bits"),
    [
        (None, 0, 2, 2),
        (None, 0, 32, 32),
        (None, 1, 1, 1),
        (None, 1, 2, 32),  # there is no code for 1 among 0, 1 / 3, ...
        ("ste_sign", 1, 32, 1),
        (Q.KBitActivation(2), 0, 32, 2),
        (Q.KBitActivation(2), 1, 32, 32),
        (Q.KBitActivation(3), 0, 32, 4),
        (Q.KBitActivation(5), 0, 32, 32),  # not packed
        (Q.ActivationBases(3), 0, 32, 3),
    ],
)
def test_bits_that_the_ops_read(quantizer, pad_value, given, bits):
    if isinstance(quantizer, Q.ActivationBases):
        quantizer.build((None, 4))
    deployment = conv2d(
        lambda: np.ones((3, 3, 4, 8), np.float32),
        (3, 3, 4, 8),
        Window(padding="same", pad_value=pad_value),
        input_quantizer=Q.get(quantizer),
    )
    assert deployment.read_bits(given) == bits


def test_numbers_of_a_description():
    bias = keras.Variable(np.zeros(8, np.float32))
    deployment = dense(lambda: np.ones((4, 8)), (4, 8), bias=bias, factors=3)
    assert deployment.binary_weights == 32 and deployment.float_weights == 8 + 3
    assert deployment.op_count == 1 and deployment.input_bits is None
