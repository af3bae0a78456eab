"""The summary of models of every kind: each call of each layer, wherever it hides."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.deployment.summary import summarize

L = keras.layers


def binary(filters=8, size=3, **options):
    options = {"kernel_quantizer": "binary_weight", "use_bias": False, "padding": "same"} | options
    return kgn.layers.QuantConv2D(filters, size, **({"input_quantizer": "ste_sign"} | options))


def rows(model, *args):
    result = summarize(model, *args)
    assert all(None not in row.output_shape for row in result.layers)
    return {row.name: row for row in result.layers}


def test_a_nested_model_of_open_size():
    inside = keras.Input((None, None, 8))
    inner = keras.Model(inside, binary(name="conv")(inside), name="inner")
    small, large = keras.Input((6, 6, 8)), keras.Input((12, 12, 8))
    model = keras.Model([small, large], [inner(small), inner(large)])
    row = rows(model)["inner/conv"]
    assert row.calls == 2 and row.macs == (36 + 144) * 9 * 8 * 8
    assert row.binary_weights == 9 * 8 * 8 and row.output_shape in [(6, 6, 8), (12, 12, 8)]
    assert row.output_values == (36 + 144) * 8


def test_a_layer_that_is_called_four_times():
    layer = binary(name="conv")
    inputs = x = keras.Input((6, 6, 8))
    once = rows(keras.Model(inputs, layer(inputs)))["conv"]
    for _ in range(4):
        x = layer(x)
    result = summarize(keras.Model(inputs, x))
    (row,) = result.layers
    assert (row.calls, row.macs) == (4, 4 * once.macs)
    assert row.binary_weights == once.binary_weights and row.file_bytes == once.file_bytes
    assert row.speedup == pytest.approx(once.speedup)
    printed = []
    kgn.summary(keras.Model(inputs, x), print_fn=printed.append)
    assert "4 calls" in printed[0]


class Block(L.Layer):
    """Layers in an attribute, a list and a dict, one of them called twice, one never."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = binary(name="first")
        self.more = [binary(name="second"), L.BatchNormalization(name="bn")]
        self.by_name = {"last": L.Dense(3, name="last")}
        self.never = binary(name="never")

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],))
        self.never.build(input_shape)

    def call(self, x):
        x = self.more[1](self.more[0](self.first(self.first(x)))) + x
        return self.by_name["last"](x) * keras.ops.mean(self.gain)


def test_layers_inside_of_layers():
    inputs = keras.Input((6, 6, 8))
    found = rows(keras.Model(inputs, Block(name="block")(inputs)))
    kernel = 36 * 9 * 8 * 8
    assert found["block/first"].macs == 2 * kernel and found["block/second"].macs == kernel
    assert found["block/last"].macs == 36 * 8 * 3
    assert found["block"].float_weights == 8 and found["block"].macs == 0
    assert "block/never" not in found  # it is not in the file


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.block = Block(name="block")
        self.two = self.add_weight(name="two", shape=(2,))

    def call(self, inputs):
        return self.block(inputs) + self.two[0]


def test_subclassed_models():
    inputs = keras.Input((6, 6, 8))
    inside = rows(keras.Model(inputs, Subclassed()(inputs)))
    alone = Subclassed()
    with pytest.raises(ValueError, match="that is built"):
        summarize(alone)
    alone(np.zeros((1, 6, 6, 8), np.float32))
    with pytest.raises(ValueError, match="pass `input_shape="):
        summarize(alone)
    outside = rows(alone, (6, 6, 8))
    assert outside["block/first"].macs == inside["subclassed/block/first"].macs > 0
    assert outside["subclassed"].float_weights == inside["subclassed"].float_weights == 2


def test_time_steps_are_calls():
    inputs = keras.Input((5, 6, 6, 8))
    found = rows(keras.Model(inputs, L.TimeDistributed(binary(name="conv"), name="steps")(inputs)))
    row = found["steps/conv"]
    assert row.calls == 5 and row.macs == 5 * 36 * 9 * 8 * 8 and row.binary_weights == 9 * 8 * 8


def test_inputs_and_outputs_of_any_structure():
    inputs = {
        "image": keras.Input((8, 8, 8), name="image"),
        "code": keras.Input((4,), dtype="int32", name="code"),
    }
    x = L.GlobalAveragePooling2D()(binary(name="conv")(inputs["image"]))
    y = L.Flatten()(L.Embedding(10, 8, name="table")(inputs["code"]))
    outputs = {"a": L.Dense(3, name="a")(L.Concatenate()([x, y])), "b": [x, y]}
    found = rows(keras.Model(inputs, outputs))
    assert found["a"].macs == 40 * 3 and found["table"].macs == 0
    assert found["conv"].macs == 64 * 9 * 8 * 8
    open_inputs = [keras.Input((None, None, 8)), keras.Input((None, None, 8))]
    model = keras.Model(
        open_inputs,
        [binary(name="one")(x) for x in open_inputs[:1]] + [binary(name="two")(open_inputs[1])],
    )
    found = rows(model, [(8, 8, 8), (4, 4, 8)])
    assert found["one"].macs == 4 * found["two"].macs
    with pytest.raises(ValueError, match="Expected 2 shapes"):
        summarize(model, (8, 8, 8))


def test_a_fixed_batch_counts_as_one_sample():
    outputs = []
    for batch in (None, 4):
        inputs = keras.Input((6, 6, 8), batch_size=batch)
        outputs.append(rows(keras.Model(inputs, binary(name="conv")(inputs)))["conv"].macs)
    assert outputs[0] == outputs[1] == 36 * 9 * 8 * 8


def test_the_model_stays_as_it_was():
    inputs = keras.Input((6, 6, 8))
    x = L.BatchNormalization()(Block(name="block")(inputs))
    model = keras.Model(inputs, L.Dropout(0.5)(x))
    before = [np.array(variable) for variable in model.variables]
    attributes = {layer: set(vars(layer)) for layer in model._flatten_layers()}
    summarize(model)
    assert all((a == b).all() for a, b in zip(before, map(np.array, model.variables), strict=True))
    assert attributes == {layer: set(vars(layer)) for layer in model._flatten_layers()}


def test_errors_of_the_model_arrive_as_they_are():
    class Wrong(keras.Model):
        def call(self, x):
            if x.shape[1] != 6:
                raise RuntimeError("only six")
            return x

    wrong = Wrong()
    wrong(np.zeros((1, 6)))
    with pytest.raises(RuntimeError, match="only six"):
        summarize(wrong, (7,))


def test_a_layer_that_cannot_be_binary_is_a_float_one():
    two = kgn.layers.QuantDense(4, kernel_quantizer=lambda w: w * 2, name="two")
    inputs = keras.Input((8,))
    row = rows(keras.Model(inputs, two(inputs)))["two"]
    assert (row.binary_weights, row.float_weights, row.weight_bits) == (0, 8 * 4 + 4, 32)
    assert row.macs == 32
