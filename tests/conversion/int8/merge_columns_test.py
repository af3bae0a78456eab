import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.int8.merge_columns import merge_columns


def convolution(width, channels, size=(8, 20), batch=None, **options) -> bytes:
    options = {"strides": 2, "activation": "relu", "bias_initializer": "normal"} | options
    inputs = keras.Input(batch_shape=(batch, *size, channels))
    model = keras.Model(inputs, layers.Conv2D(4, (3, width), **options)(inputs))
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def merged(content: bytes) -> tuple[bool, bytes]:
    graph = Graph(content)
    changed = merge_columns(graph, graph.of_kind("CONV_2D")[0])
    return changed, graph.to_bytes()


def test_results_are_the_same():
    """Widths that begin at a pair and between two, with both paddings."""
    changes = 0
    for width, channels, padding in itertools.product(
        (1, 3, 4, 5, 6, 7, 11), (1, 3), ("same", "valid")
    ):
        batch = 2 if width == 7 else None
        content = convolution(width, channels, padding=padding, batch=batch)
        changed, new = merged(content)
        changes += changed
        x = np.random.default_rng(width).standard_normal((2, 8, 20, channels), np.float32)
        expected = kgn.lite.Interpreter(content).predict(x)
        np.testing.assert_allclose(kgn.lite.Interpreter(new).predict(x), expected, atol=1e-5)
    assert changes >= 14


def test_the_stem_of_a_resnet():
    content = convolution(7, 3, (8, 224), padding="same")
    changed, new = merged(content)
    (op,) = Graph(new).of_kind("CONV_2D")
    assert changed and Graph(new).shape(op.inputs[1]) == (4, 3, 4, 6)
    assert op.source.builtinOptions.strideW == 1 and op.source.builtinOptions.strideH == 2


@pytest.mark.parametrize(
    "channels, options",
    [
        (3, {"strides": 1}),
        (3, {"size": (8, 21)}),
        (3, {"size": (8, None)}),
        (8, {}),
        (4, {"groups": 2}),
        (3, {"strides": 1, "dilation_rate": 2}),
    ],
)
def test_others_stay(channels, options):
    changed, _ = merged(convolution(7, channels, padding="same", **options))
    assert not changed
