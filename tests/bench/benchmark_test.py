import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_groupnet as kgn
from keras_groupnet.bench.benchmark import benchmark, machine, prepared
from keras_groupnet.conversion.int8.integer_io import quantize_inputs_and_outputs
from tests.conversion.networks import two_groups


def test_one_row_a_file_in_order():
    files = {f"{bits} bits": kgn.convert(two_groups(bits)).content for bits in (2, 1)}
    rows = benchmark(files, batch_size=2, runs=3)
    assert [row.name for row in rows] == ["2 bits", "1 bits"]
    assert all(0 < row.fastest_ms <= row.median_ms for row in rows)
    assert [row.file_bytes for row in rows] == [len(content) for content in files.values()]


def test_every_file_with_every_number_of_threads():
    files = {"ours": kgn.convert(two_groups(1)).content}
    rows = benchmark(files, num_threads=(1, 2), runs=1)
    assert [(row.name, row.num_threads) for row in rows] == [("ours", 1), ("ours", 2)]


def several_inputs(words: int | None) -> bytes:
    """Pictures, and words that index a table of one entry."""
    layers = keras.layers
    inputs = keras.Input((4, 4, 3)), keras.Input((words,), dtype="int32")
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(1, 3)(inputs[1]))
    x = layers.Add()([layers.GlobalAveragePooling2D()(inputs[0]), pooled])
    return tf.lite.TFLiteConverter.from_keras_model(keras.Model(inputs, x)).convert()


def test_several_inputs_and_indices():
    content = several_inputs(5)
    (row,) = benchmark({"both": content}, batch_size=3, runs=1)
    assert row.fastest_ms > 0
    interpreter = prepared(content, batch_size=3)
    values = {
        e["name"]: interpreter.get_tensor(e["index"]) for e in interpreter.get_input_details()
    }
    shapes = {value.dtype.kind: (value.shape, value.any()) for value in values.values()}
    assert shapes == {"f": ((3, 4, 4, 3), True), "i": ((3, 5), False)}


def test_integer_pictures_are_random():
    data = np.random.default_rng(0).standard_normal((4, 4, 4, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.GlobalAveragePooling2D()])
    float32 = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    interpreter = prepared(quantize_inputs_and_outputs(float32, data, "uint8"), batch_size=8)
    (entry,) = interpreter.get_input_details()
    assert len(np.unique(interpreter.get_tensor(entry["index"]))) > 100


def test_a_size_that_nobody_named_is_refused():
    with pytest.raises(ValueError, match="fixed but for the batch"):
        benchmark({"any length": several_inputs(None)}, runs=1)


def test_nothing_to_time():
    with pytest.raises(ValueError, match="at least one file"):
        benchmark({})


def test_machine_names_the_runtime():
    facts = machine()
    assert facts["cpu"] and "ai-edge-litert" in facts
