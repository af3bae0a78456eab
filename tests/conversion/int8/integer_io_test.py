"""Integer inputs and outputs, on files that TFLiteConverter and we write."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.int8.float_layers import quantize_float_layers
from keras_groupnet.conversion.int8.integer_io import quantize_inputs_and_outputs
from tests.conversion.networks import two_groups

needs_quantizer = pytest.mark.skipif(
    not (find_spec("litert_quantizer") or find_spec("ai_edge_quantizer")),
    reason="the LiteRT quantizer is not installed",
)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).standard_normal((32, 9, 11, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def float32():
    return kgn.convert(two_groups(1)).content


def converted(model: keras.Model) -> bytes:
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def details(content):
    interpreter = kgn.lite.Interpreter(content)
    return interpreter.get_input_details()[0], interpreter.get_output_details()[0]


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_inputs_and_outputs_of_a_file_of_ours(float32, images, dtype):
    integer = quantize_inputs_and_outputs(float32, images, dtype, dtype)
    before, after = details(float32), details(integer)
    for old, new in zip(before, after, strict=True):
        assert new["dtype"] == np.dtype(dtype) and new["name"] == old["name"]
        assert list(new["shape_signature"]) == list(old["shape_signature"])
    assert Graph(integer).model.signatureDefs[0].inputs[0].tensorIndex == after[0]["index"]
    expected = kgn.lite.Interpreter(float32).predict(images)
    outputs = kgn.lite.Interpreter(integer).predict(images)
    assert np.corrcoef(outputs.ravel(), expected.ravel())[0, 1] > 0.95


def test_only_the_side_that_was_asked_for(float32, images):
    source, target = details(quantize_inputs_and_outputs(float32, images, "float32", "int8"))
    assert (source["dtype"], target["dtype"]) == (np.float32, np.int8)
    source, target = details(quantize_inputs_and_outputs(float32, images, "int8", "float32"))
    assert (source["dtype"], target["dtype"]) == (np.int8, np.float32)


def test_pictures_of_bytes_are_read_as_they_are():
    """0 ... 255 in 256 steps: scale 1, zero point 0."""
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Rescaling(1 / 255), layers.Flatten()])
    pictures = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 3)).astype(np.uint8)
    pictures.ravel()[:2] = 0, 255
    content = quantize_inputs_and_outputs(
        converted(model), pictures.astype(np.float32), "uint8", "float32"
    )
    assert details(content)[0]["quantization"] == (1.0, 0)
    expected = model.predict_on_batch(pictures.astype(np.float32))
    np.testing.assert_allclose(kgn.lite.Interpreter(content).predict(pictures), expected, rtol=1e-6)


@needs_quantizer
def test_nothing_is_converted_where_the_borders_are_int8():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(5), layers.Dense(4)])
    data = np.random.default_rng(0).standard_normal((16, 6)).astype(np.float32)
    int8 = quantize_float_layers(converted(model), data)
    assert [op.kind for op in Graph(int8).ops][0] == "QUANTIZE"
    integer = quantize_inputs_and_outputs(int8, data)
    assert [op.kind for op in Graph(integer).ops] == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    expected = kgn.lite.Interpreter(int8).predict(data)
    np.testing.assert_array_equal(kgn.lite.Interpreter(integer).predict(data), expected)


def test_a_softmax_has_the_scale_that_tflite_fixes():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(5, activation="softmax")])
    data = np.random.default_rng(0).standard_normal((16, 6)).astype(np.float32)
    for dtype, zero_point in (("int8", -128), ("uint8", 0)):
        content = quantize_inputs_and_outputs(converted(model), data, "float32", dtype)
        assert details(content)[1]["quantization"] == (1 / 256, zero_point)
        outputs = kgn.lite.Interpreter(content).predict(data)
        np.testing.assert_allclose(outputs, model.predict_on_batch(data), atol=1 / 256)


def test_integers_stay_integers():
    inputs = keras.Input((3,), dtype="int32")
    model = keras.Model(inputs, layers.Embedding(9, 4)(inputs))
    data = np.random.default_rng(0).integers(0, 9, (8, 3)).astype(np.int32)
    source, target = details(quantize_inputs_and_outputs(converted(model), data))
    assert (source["dtype"], target["dtype"]) == (np.int32, np.int8)


@needs_quantizer
@pytest.mark.parametrize("float_layers", ["float32", "int8"])
def test_convert_with_integer_inputs_and_outputs(images, float_layers):
    model = two_groups(1)
    result = kgn.convert(
        model,
        float_layers=float_layers,
        representative_data=images,
        inference_input_type="int8",
        inference_output_type="uint8",
    )
    source, target = details(result.content)
    assert (source["dtype"], target["dtype"]) == (np.int8, np.uint8)
    outputs = kgn.lite.Interpreter(result.content).predict(images)
    expected = model.predict_on_batch(images)
    assert np.corrcoef(outputs.ravel(), expected.ravel())[0, 1] > 0.95
    assert len(result.report.changed_codes) == 8
    report = kgn.lite.verify(model, result.content)
    assert report.ok and len(report.layers) == 12, str(report)
