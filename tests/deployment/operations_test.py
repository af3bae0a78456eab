"""Multiply-accumulates of float layers, counted by hand."""

import keras
import pytest

import keras_groupnet as kgn
from keras_groupnet.deployment.summary import summarize


def macs(layers, shape, dtype="float32"):
    inputs = x = keras.Input(shape, dtype=dtype)
    for layer in layers if isinstance(layers, list) else [layers]:
        x = layer(x)
    result = summarize(keras.Model(inputs, x))
    return sum(layer.macs for layer in result.layers)


L = keras.layers
CASES = {
    "dense": (L.Dense(5), (7,), 7 * 5),
    "dense of several axes": (L.Dense(5), (4, 3, 7), 4 * 3 * 7 * 5),
    "conv1d, causal": (L.Conv1D(4, 3, padding="causal", dilation_rate=2), (10, 6), 10 * 3 * 6 * 4),
    "conv3d": (L.Conv3D(4, 2), (5, 5, 5, 3), 4**3 * 8 * 3 * 4),
    "grouped": (L.Conv2D(8, 3, groups=2, strides=2), (9, 9, 6), 4 * 4 * 9 * 3 * 8),
    "depthwise": (L.DepthwiseConv2D(3, depth_multiplier=2), (9, 9, 6), 7 * 7 * 9 * 6 * 2),
    "separable": (
        L.SeparableConv2D(4, 3, depth_multiplier=2),
        (9, 9, 6),
        7 * 7 * (9 * 6 * 2 + 6 * 2 * 4),
    ),
    "transposed": (L.Conv2DTranspose(4, 3, strides=2), (5, 6, 2), 5 * 6 * 9 * 2 * 4),
    "transposed, 1 axis": (L.Conv1DTranspose(4, 3, strides=2), (5, 2), 5 * 3 * 2 * 4),
    "einsum": (L.EinsumDense("abc,cde->abde", (None, 3, 5)), (4, 7), 4 * 7 * 3 * 5),
    "einsum, rest": (L.EinsumDense("...c,cd->...d", (5,)), (7,), 7 * 5),
    "einsum over two axes": (L.EinsumDense("abc,bcd->ad", 5), (4, 7), 4 * 7 * 5),
    "rnn": (L.SimpleRNN(5), (6, 3), 6 * (3 * 5 + 5 * 5)),
    "lstm": (L.LSTM(5, return_sequences=True), (6, 3), 6 * 4 * (3 * 5 + 5 * 5)),
    "gru, both ways": (L.Bidirectional(L.GRU(5)), (6, 3), 2 * 6 * 3 * (3 * 5 + 5 * 5)),
    "stacked cells": (
        L.RNN([L.LSTMCell(5), L.GRUCell(4)]),
        (6, 3),
        6 * (4 * (3 * 5 + 5 * 5) + 3 * (5 * 4 + 4 * 4)),
    ),
    "conv lstm": (
        L.ConvLSTM2D(4, 3, padding="same"),
        (5, 8, 8, 2),
        5 * 64 * 4 * 9 * (2 * 4 + 4 * 4),
    ),
    "time distributed": (L.TimeDistributed(L.Conv2D(4, 3)), (5, 8, 8, 2), 5 * 36 * 9 * 2 * 4),
    "wrapped": (L.SpectralNormalization(L.Dense(5)), (7,), 7 * 5),
    "channels first": (
        L.Conv2D(4, 3, padding="same", data_format="channels_first"),
        (2, 5, 6),
        5 * 6 * 9 * 2 * 4,
    ),
    "no kernel": ([L.BatchNormalization(), L.PReLU(), L.LayerNormalization()], (5, 6, 2), 0),
}


@pytest.mark.parametrize(("layer", "shape", "expected"), CASES.values(), ids=CASES)
def test_count(layer, shape, expected):
    if "first" in str(getattr(layer, "data_format", "")) and keras.backend.backend() != "jax":
        pytest.skip("TensorFlow has no such convolution on a CPU")
    assert macs(layer, shape) == expected


def test_looking_up_is_no_multiplication():
    assert macs([L.Embedding(100, 7), L.Dense(5)], (4,), "int32") == 4 * 7 * 5


def test_attention_counts_its_projections():
    x = keras.Input((6, 8))
    y = L.MultiHeadAttention(2, 3, name="attention")(x, x)
    result = summarize(keras.Model(x, y))
    # Query, key, value and output; the two products of activations have no weights.
    assert sum(layer.macs for layer in result.layers) == 4 * 6 * 8 * 2 * 3
    assert {layer.name.split("/")[0] for layer in result.layers} == {"attention"}


def test_a_rule_of_ones_own():
    class Squares(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), name="w")

        def call(self, x):
            return self.w * x * x

    @kgn.deployment.multiply_accumulates.register(Squares)
    def _(layer, input_shape, output_shape):
        return 2 * output_shape[0] * output_shape[1]

    assert macs(Squares(), (7,)) == 14
