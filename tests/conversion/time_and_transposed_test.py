"""Convolutions along time and transposed ones in files: exact, packed, and refused where not."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.deployment import NotBinary, describe
from tests.tensors import array

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

K = kgn.layers
BINARY = {"input_quantizer": "ste_sign", "kernel_quantizer": "magnitude_aware_sign"}


def check(model, shape, batch=2):
    """Converts strictly, which verifies; returns the ops' bits."""
    generator = np.random.default_rng(0)
    for variable in model.variables:
        if variable.name == "bias":
            variable.assign(generator.normal(0, 0.3, variable.shape))
    converted = kgn.convert(model, inputs=generator.normal(size=(4, *shape)).astype("float32"))
    x = generator.normal(size=(batch, *shape)).astype("float32")
    found = kgn.lite.Interpreter(converted.content).predict(x)
    np.testing.assert_allclose(found, array(model(x)), rtol=1e-5, atol=1e-5)
    return [op.options["bits"] for op in Graph(converted.content).of_kind("KgnConv2D")]


def test_a_length_that_is_known_at_run_time_only():
    inputs = keras.Input((None, 8))
    x = K.QuantConv1D(6, 3, padding="same", **BINARY)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = K.QuantConv1D(4, 3, strides=2, padding="same", **BINARY)(x)
    assert check(keras.Model(inputs, x), (11, 8)) == [1, 1]


def test_a_shared_quantizer_is_packed():
    inputs = keras.Input((9, 8))
    x = K.Quantize("ste_sign")(inputs)
    bases = [K.QuantConv1D(4, 3, kernel_quantizer="ste_sign")(x) for _ in range(2)]
    model = keras.Model(inputs, keras.layers.Add()(bases))
    assert check(model, (9, 8)) == [1, 1]


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "strides": 2},  # both edges
        {"kernel_size": 3, "strides": 2, "output_padding": 1, "padding": "same"},
        {"kernel_size": (2, 5), "strides": (2, 3), "padding": "same"},
        {"kernel_size": 2, "strides": 3},  # gaps
        {"kernel_size": 3, "dilation_rate": 2, "padding": "same"},
    ],
)
def test_geometries_of_transposed_convolutions(options):
    model = keras.Sequential(
        [keras.Input((4, 5, 8)), K.QuantConv2DTranspose(3, **options, **BINARY)]
    )
    assert check(model, (4, 5, 8)) == [1]


def test_one_binary_op_for_all_taps():
    layer = K.QuantConv2DTranspose(4, (3, 2), **BINARY)
    layer(np.zeros((1, 4, 4, 8), "float32"))
    deployment = describe(layer)
    assert deployment.kernel_shape == (1, 1, 8, 3 * 2 * 4)
    (kernel,) = deployment.read_kernels()
    latent = array(layer.kernel)
    by_tap = kernel.signs.reshape(8, 3, 2, 4)
    np.testing.assert_array_equal(by_tap, np.where(latent < 0, -1, 1).transpose(3, 0, 1, 2))
    np.testing.assert_allclose(kernel.scales[:4], np.abs(latent).mean((0, 1, 3)), rtol=1e-6)


@pytest.mark.parametrize(
    "layer, shape, why",
    [
        (K.QuantConv3D(3, 2, **BINARY), (4, 4, 4, 3), "three axes.*TimeDistributed"),
        (K.QuantConv3DTranspose(3, 2, **BINARY), (4, 4, 4, 3), "three axes"),
        (K.QuantConv1D(3, 2, padding="causal", **BINARY), (9, 3), "causal"),
        (
            K.QuantConv2DTranspose(
                3, 2, input_quantizer="activation_bases", kernel_quantizer="ste_sign"
            ),
            (4, 4, 3),
            "sum of bases",
        ),
        (
            K.QuantConv2DTranspose(
                3, 2, input_quantizer="ste_sign", kernel_quantizer="subgroup_sign"
            ),
            (4, 4, 3),
            "more than one magnitude",
        ),
        (K.QuantConv1D(3, 2, kernel_quantizer="ste_heaviside"), (9, 3), "more than one magnitude"),
    ],
)
def test_what_has_no_op_says_so(layer, shape, why):
    layer(np.random.default_rng(0).normal(size=(1, *shape)).astype("float32"))
    for variable in layer.variables:
        if variable.name == "scales":  # of taps
            variable.assign(np.random.default_rng(1).uniform(0.5, 1, variable.shape))
    with pytest.raises(NotBinary, match=why):
        describe(layer).read_kernels()
