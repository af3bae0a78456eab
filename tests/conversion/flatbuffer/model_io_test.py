"""Data behind the flatbuffer: written here by hand, and as the LiteRT quantizer writes it."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.flatbuffer.model_io import read_model, write_model
from tests.runtime.model_builder import single_op

X = np.random.default_rng(0).standard_normal((1, 2, 2, 8)).astype(np.float32)
MULTIPLIER = np.arange(1, 9, dtype=np.float32) - 4.5


def kgn_quantize() -> bytes:
    """A file with constants and custom options."""
    options = {"version": 1, "bits": 1, "scale": 1.0}
    return single_op("KgnQuantize", [X, MULTIPLIER, MULTIPLIER / 8], options, (1, 2))


def moved_out(content: bytes) -> bytes:
    """The same model with every constant and all custom options behind the flatbuffer."""
    model = read_model(content)
    tails = []
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data):
            tails.append((buffer, "offset", "size", bytes(buffer.data)))
            buffer.data = None
    for op in model.subgraphs[0].operators:
        if op.customOptions is not None:
            fields = ("largeCustomOptionsOffset", "largeCustomOptionsSize")
            tails.append((op, *fields, bytes(op.customOptions)))
            op.customOptions = None
    head = b""
    for _ in range(2):  # first to learn how long the flatbuffer is
        place = len(head) or 1000
        for entry, offset, size, data in tails:
            setattr(entry, offset, place)
            setattr(entry, size, len(data))
            place += len(data)
        head = write_model(model)
    return head + b"".join(data for *_, data in tails)


def constants(content: bytes) -> list[bytes]:
    return [bytes(b.data) for b in read_model(content).buffers if b.data is not None]


def test_constants_and_options_behind_the_flatbuffer_come_in():
    inside = kgn_quantize()
    outside = moved_out(inside)
    assert len(constants(inside)) >= 2 and constants(outside) == constants(inside)
    assert Graph(outside).ops[0].options == Graph(inside).ops[0].options
    again = Graph(outside).to_bytes()
    expected = kgn.lite.Interpreter(inside).predict(X)
    np.testing.assert_array_equal(kgn.lite.Interpreter(again).predict(X), expected)


def test_a_file_that_was_cut_off_is_refused():
    outside = moved_out(kgn_quantize())
    with pytest.raises(ValueError, match="cut off"):
        read_model(outside[:-1])


@pytest.mark.skipif(
    not (find_spec("litert_quantizer") or find_spec("ai_edge_quantizer")),
    reason="the LiteRT quantizer is not installed",
)
@pytest.mark.parametrize("features, units", [(512, 1000), (2048, 2000)])
def test_a_large_dense_layer_keeps_its_weights_as_int8(features, units):
    from keras_groupnet.conversion.int8.float_layers import quantize_model

    model = keras.Sequential([keras.Input((features,)), keras.layers.Dense(units)])
    data = np.random.default_rng(1).standard_normal((16, features)).astype(np.float32)
    float32 = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    int8 = quantize_model(float32, data)
    (op,) = Graph(int8).of_kind("FULLY_CONNECTED")
    assert Graph(int8).value(op.inputs[1]).shape == (units, features)
    assert all(buffer.offset == 0 for buffer in read_model(int8).buffers)
    # read and written once more, it still answers
    outputs = kgn.lite.Interpreter(Graph(int8).to_bytes()).predict(data)
    expected = model.predict_on_batch(data)
    # the calibrated range is a moving average of the samples: the largest values are clipped
    assert np.median(np.abs(outputs - expected)) < 0.02 * expected.std()


@pytest.mark.parametrize("change", [lambda c: c[: len(c) // 2], lambda c: b"", lambda c: b"x" * 99])
def test_damaged_files_are_refused_in_our_words(change):
    content = write_model(read_model(small_file()))
    with pytest.raises(ValueError, match="Expected a (whole )?.tflite file"):
        read_model(change(content))


def small_file():
    inputs = keras.Input((4,))
    return kgn.convert(keras.Model(inputs, keras.layers.Dense(3)(inputs))).content
