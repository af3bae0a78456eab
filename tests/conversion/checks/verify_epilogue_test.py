"""`verify` refuses files whose activations, gates or poolings are broken."""

import functools

import keras
import pytest
from keras import layers

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph
from keras_groupnet.conversion.passes.epilogue import (
    AFTER_ADDENDS,
    BEFORE_ADDENDS,
    OFFSET,
    PIXEL_SCALE,
    SLOPE,
)
from tests.conversion.checks.verify_test import changed_constant, layer_of, refused
from tests.conversion.networks import randomise
from tests.conversion.op_counts_test import binary, prelu, rprelu


@functools.cache
def trained():
    """A gated convolution, RPReLU in front of and behind a sum, ReLU6, a pool of both signs."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 32))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    gate = layers.Conv2D(32, 1, activation="sigmoid")(gate)
    x = prelu(layers.Multiply()([binary(inputs), gate]))
    x = layers.Add()([x, inputs])
    y = layers.BatchNormalization()(binary(x))
    x = rprelu(layers.Add()([y, x]))
    y = layers.ReLU(6)(layers.BatchNormalization()(binary(x)))
    x = layers.Add()([y, x])
    x = layers.BatchNormalization()(layers.MaxPooling2D(2)(binary(x)))
    model = randomise(keras.Model(inputs, binary(x, 8)))
    return model, kgn.convert(model).content


@pytest.fixture(name="broken")
def _broken():
    model, content = trained()
    graph = Graph(content)
    return model, graph, graph.of_kind("KgnConv2D")


def test_the_file(broken):
    _, _, (first, second, third, fourth, fifth) = broken
    assert first.input(PIXEL_SCALE) != ABSENT and first.input(SLOPE) != ABSENT
    activations = [op.options["activation"] for op in (first, second, third, fourth, fifth)]
    assert activations == [BEFORE_ADDENDS, AFTER_ADDENDS, BEFORE_ADDENDS, 0, 0]


@pytest.mark.parametrize("number, position", [(0, SLOPE), (1, SLOPE), (1, OFFSET)])
def test_one_value_a_channel(broken, number, position):
    model, graph, ops = broken

    def shift(values):
        values[5] += 0.05

    changed_constant(graph, ops[number], position, shift)
    refused(model, graph, layer_of(graph, ops[number]))


@pytest.mark.parametrize("number, position", [(0, SLOPE), (1, SLOPE), (1, OFFSET)])
def test_dropped(broken, number, position):
    model, graph, ops = broken
    ops[number].set_input(position, ABSENT)
    refused(model, graph, layer_of(graph, ops[number]))


@pytest.mark.parametrize(
    "number, options",
    [
        (0, {"activation": AFTER_ADDENDS}),
        (1, {"activation": BEFORE_ADDENDS}),
        (2, {"activation_min": -1.0}),
        (2, {"activation_max": 5.5}),
        (2, {"activation": AFTER_ADDENDS}),
    ],
    ids=str,
)
def test_options(broken, number, options):
    model, graph, ops = broken
    ops[number].options |= options
    refused(model, graph, layer_of(graph, ops[number]))


def test_the_gate_dropped(broken):
    model, graph, ops = broken
    ops[0].set_input(PIXEL_SCALE, ABSENT)
    refused(model, graph, layer_of(graph, ops[0]))


def test_a_minimum_that_should_be_a_maximum(broken):
    model, graph, _ = broken
    (pool,) = graph.of_kind("KgnMaxPool2D")

    def flip(words):
        words[0] ^= 4

    changed_constant(graph, pool, 1, flip)
    refused(model, graph)
