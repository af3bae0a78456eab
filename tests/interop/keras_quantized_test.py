"""Models after `model.quantize`."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn

# Of layers without weights, in nested models.
pytestmark = pytest.mark.filterwarnings("ignore:Layer .* does not have a")


def model():
    tokens = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(11, 16, name="embedding")(tokens)
    inner_input = keras.Input((5, 16))
    inner = keras.Model(inner_input, keras.layers.Dense(24, activation="relu")(inner_input))
    x = keras.layers.Flatten()(inner(x))
    return keras.Model(tokens, keras.layers.Dense(3, use_bias=False, name="head")(x))


def tokens():
    return np.random.default_rng(0).integers(0, 11, (8, 5)).astype("int32")


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_the_weights_are_the_quantized_ones(mode):
    quantized = model()
    before = np.asarray(quantized.get_layer("head").kernel)
    if mode == "int4":  # without groups; the next test has some
        config = keras.quantizers.Int4QuantizationConfig(block_size=-1)
        quantized.quantize(config=config)
    else:
        quantized.quantize(mode)
    result = kgn.interop.dequantized(quantized)
    assert result.get_layer("head").dtype_policy.name == "float32"
    codes = np.asarray(quantized.get_layer("head").kernel)
    kernel = np.asarray(result.get_layer("head").kernel)
    top = {"int8": 127, "int4": 7}[mode]
    np.testing.assert_allclose(kernel * top / np.abs(before).max(axis=0), codes, atol=1e-3)
    np.testing.assert_allclose(
        np.asarray(result(tokens())), np.asarray(quantized(tokens())), atol=0.03
    )


def test_groups_of_int4():
    inputs = keras.Input((256,))
    quantized = keras.Model(inputs, keras.layers.Dense(8, name="head")(inputs))
    quantized.quantize("int4")  # groups of 128
    result = kgn.interop.dequantized(quantized)
    x = np.random.default_rng(0).normal(0, 1, (4, 256)).astype("float32")
    expected = np.asarray(quantized(x))
    np.testing.assert_allclose(np.asarray(result(x)), expected, atol=0.03 * np.abs(expected).max())


def test_other_layers_are_named():
    inputs = keras.Input((5, 16))
    layer = keras.layers.EinsumDense("abc,cd->abd", (None, 8), name="einsum")
    quantized = keras.Model(inputs, layer(inputs))
    quantized.quantize("int8")
    with pytest.raises(ValueError, match="EinsumDense 'einsum' of mode 'int8'"):
        kgn.interop.dequantized(quantized)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="conversion needs TensorFlow")
def test_the_file_holds_the_same_codes():
    pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")
    pytest.importorskip("litert_quantizer", reason="int8 needs the LiteRT quantizer")
    from keras_groupnet.conversion.flatbuffer.graph import Graph

    inputs = keras.Input((32,))
    quantized = keras.Model(inputs, keras.layers.Dense(8, name="head")(inputs))
    quantized.quantize("int8")
    x = np.random.default_rng(0).normal(0, 1, (32, 32)).astype("float32")
    content = kgn.convert(
        kgn.interop.dequantized(quantized), float_layers="int8", representative_data=x
    ).content
    graph = Graph(content)
    (op,) = graph.of_kind("FULLY_CONNECTED")
    codes = np.asarray(quantized.get_layer("head").kernel)
    np.testing.assert_array_equal(graph.constant(op.inputs[1]), codes.T)
