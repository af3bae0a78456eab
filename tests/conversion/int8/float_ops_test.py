"""What a file holds for its float layers, and which layer that is."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_groupnet.conversion.export.layer_scopes import layer_of, recorded_scopes
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.int8.float_layers import quantize_float_layers
from keras_groupnet.conversion.int8.float_ops import float_ops
from keras_groupnet.conversion.int8.scheme import Scheme

needs_quantizer = pytest.mark.skipif(
    not (find_spec("litert_quantizer") or find_spec("ai_edge_quantizer")),
    reason="the LiteRT quantizer is not installed",
)


def traced(model: keras.Model, *kernels: keras.layers.Layer):
    """The file, the scopes and the kernel sizes of these layers."""
    with recorded_scopes({layer: layer.name for layer in kernels}) as scopes:
        content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    sizes = {layer.name: [int(np.prod(layer.kernel.shape))] for layer in kernels}
    return content, scopes, sizes


def found(content, scopes, sizes):
    return [(op.kind, op.layer) for op in float_ops(Graph(content), scopes, sizes)]


def test_names_that_look_like_another_layers_scope():
    """Keras' second scope of `dense` is called dense_1, or dense_2 if dense_1 is a layer."""
    x = inputs = keras.Input((4,))
    chain = [
        layers.Dense(n, name=name) for n, name in ((5, "dense_1"), (6, "dense"), (7, "dense_2"))
    ]
    for layer in chain:
        x = layer(x)
    assert found(*traced(keras.Model(inputs, x), *chain)) == [
        ("FULLY_CONNECTED", "dense_1"),
        ("FULLY_CONNECTED", "dense"),
        ("FULLY_CONNECTED", "dense_2"),
    ]


def test_layers_inside_models_wrappers_and_layers():
    inner = [layers.Conv2D(4, 3, name="c"), layers.Conv2DTranspose(4, 3, 2, name="t")]
    nested = keras.Sequential([keras.Input((8, 8, 3)), *inner], name="nested")
    wrapped = layers.Conv1D(4, 3, name="wrapped")
    attention = layers.MultiHeadAttention(2, 4, name="attention")
    inputs = keras.Input((8, 8, 3))
    x = layers.TimeDistributed(wrapped, name="wrapper")(nested(inputs))
    x = layers.Reshape((-1, 4))(x)
    x = attention(x, x)
    model = keras.Model(inputs, x)
    einsum = [
        attention.query_dense,
        attention.key_dense,
        attention.value_dense,
        attention.output_dense,
    ]
    names = {layer for _, layer in found(*traced(model, *inner, wrapped, *einsum))}
    assert names == {"c", "t", "wrapped", *(layer.name for layer in einsum)}


def test_a_shared_layer_has_an_op_a_call():
    shared = layers.Dense(4, name="shared")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.ReLU()(shared(layers.ReLU()(shared(inputs)))))
    assert found(*traced(model, shared)) == [("FULLY_CONNECTED", "shared")] * 2


def test_lost_names_are_found_by_size():
    """Grouped convolutions are compiled by XLA and come out as "convolution"."""
    grouped = [
        layers.Conv2D(4, 3, groups=2, name="first"),
        layers.Conv2D(8, 3, groups=2, name="second"),
        layers.Conv2D(8, 3, groups=4, name="third"),
        layers.Conv2D(8, 3, groups=4, name="fourth"),
    ]
    x = inputs = keras.Input((12, 12, 4))
    for layer in grouped:
        x = layer(x)
    content, scopes, sizes = traced(keras.Model(inputs, x), *grouped)
    assert [layer for _, layer in found(content, scopes, {})] == [None] * 4
    names = [layer for _, layer in found(content, scopes, sizes)]
    assert names == ["first", "second", "third", "fourth"]


def test_layers_are_as_before_after_recording():
    layer = layers.Dense(2)
    model = keras.Sequential([keras.Input((3,)), layer])
    with recorded_scopes({layer: "dense"}):
        model(np.zeros((1, 3), np.float32))
    assert "call" not in vars(layer)
    layer.call = own = lambda inputs: inputs
    with recorded_scopes({layer: "d"}):
        assert layer.call is not own
    assert layer.call is own


def test_no_scope_no_layer():
    assert layer_of("arith.constant1", {"net/dense_1": "dense"}) is None
    assert layer_of("net/dense_1/MatMul", {"net/dense": "other"}) is None
    assert layer_of("net/relu;net/dense_1/MatMul", {"net/dense_1": "dense"}) == "dense"


def kernels_of_every_kind() -> keras.Model:
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.DepthwiseConv2D(3)(x)
    x = layers.Conv2DTranspose(4, 3, 2, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(3)(x))


@needs_quantizer
@pytest.mark.parametrize(
    "scheme, precision",
    [
        (Scheme.STATIC, "int8"),
        (Scheme.DYNAMIC_RANGE, "int8 dynamic range"),
        (Scheme.WEIGHT_ONLY, "int8 weight only"),
    ],
)
def test_every_scheme_is_read_back(scheme, precision):
    content = tf.lite.TFLiteConverter.from_keras_model(kernels_of_every_kind()).convert()
    data = np.random.default_rng(0).standard_normal((8, 8, 8, 4)).astype(np.float32)
    before = float_ops(Graph(content))
    assert {op.precision for op in before} == {"float32"}
    after = float_ops(Graph(quantize_float_layers(content, data, lambda graph, op: scheme)))
    assert [op.kind for op in after] == [op.kind for op in before]
    assert {op.precision for op in after} == {precision}
    assert [op.weight_bytes for op in after] == [op.weight_bytes // 4 for op in before]


def test_what_the_quantizer_does_not_know_stays_float32():
    inputs = keras.Input((6,))
    x = layers.Embedding(9, 4, name="table")(inputs)
    x = layers.Conv3D(2, 1)(layers.Reshape((6, 2, 2, 1))(x))
    content = tf.lite.TFLiteConverter.from_keras_model(keras.Model(inputs, x)).convert()
    found_ops = float_ops(Graph(content))
    assert {op.kind: op.precision for op in found_ops} == {
        "GATHER": "float32",
        "CONV_3D": "float32",
    }
