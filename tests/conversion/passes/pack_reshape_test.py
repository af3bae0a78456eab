"""RESHAPE of packed values."""

import numpy as np
import pytest

from keras_groupnet.conversion.passes import pack_inputs, pack_reshape
from tests.conversion.graphs import GraphBuilder, images, kinds, rewritten, untouched


def fold(builder, outputs, *inputs):
    return rewritten(builder.finish(outputs), inputs, pack_reshape.run, pack_inputs.run)


def refuse(builder, outputs, *inputs):
    untouched(builder.finish(outputs), inputs, pack_reshape.run)


def test_flatten_of_whole_words():
    b = GraphBuilder()
    y = b.dense(b.reshape(b.low_bit(b.image(3, 2, 32)), (-1, 192)))
    graph = fold(b, [y], images(3, 2, 32))
    assert kinds(graph) == ["KgnQuantize", "RESHAPE", "KgnDense"]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_pixels_counted_in_another_way(bits):
    b = GraphBuilder()
    y = b.dense(b.reshape(b.low_bit(b.image(3, 2, 7), bits), (-1, 7)))
    graph = fold(b, [y], images(3, 2, 7))
    assert kinds(graph) == ["KgnQuantize", "RESHAPE", "KgnDense"]


@pytest.mark.parametrize("bits, channels", [(1, 7), (2, 32)])
def test_words_that_would_break_stay(bits, channels):
    b = GraphBuilder()
    x = b.low_bit(b.image(3, 2, channels), bits)
    refuse(b, [b.reshape(x, (-1, 6 * channels))], images(3, 2, channels))


@pytest.mark.parametrize("normed", [True, False])
def test_a_quantizer_moves_in_front(normed):
    b = GraphBuilder()
    x = b.reshape(b.image(3, 2, 7), (-1, 7))
    inputs = [x, b.constant(b.vector(7)), b.constant(b.vector(7))][: 3 if normed else 1]
    packed = b.result((-1, 2), "int32")
    b.custom("KgnQuantize", inputs, [packed], {"version": 1, "bits": 2, "scale": 1.0})
    graph = fold(b, [packed], images(3, 2, 7))
    assert kinds(graph) == ["KgnQuantize", "RESHAPE"]


def test_a_batch_norm_of_flattened_channels_keeps_the_quantizer_behind():
    b = GraphBuilder()
    x = b.reshape(b.image(3, 2, 32), (-1, 192))
    packed = b.result((-1, 6), "int32")
    inputs = [x, b.constant(b.vector(192)), b.constant(b.vector(192))]
    b.custom("KgnQuantize", inputs, [packed], {"version": 1, "bits": 1, "scale": 1.0})
    refuse(b, [packed], images(3, 2, 32))


def test_a_quantizer_beside_other_readers_stays():
    b = GraphBuilder()
    x = b.reshape(b.image(3, 2, 32), (-1, 192))
    refuse(b, [b.quantize(x), b.unary("ABS", x)], images(3, 2, 32))


def test_pairs_cancel():
    b = GraphBuilder()
    there = b.reshape(b.unary("ABS", b.image(3, 2, 7)), (-1, 7))
    graph = fold(b, [b.unary("NEG", b.reshape(there, (-1, 3, 2, 7)))], images(3, 2, 7))
    assert kinds(graph) == ["ABS", "NEG"]


def test_a_reshape_of_a_reshape_is_one():
    b = GraphBuilder()
    there = b.reshape(b.image(3, 2, 7), (-1, 7))
    graph = fold(b, [b.reshape(there, (-1, 6, 7))], images(3, 2, 7))
    assert kinds(graph) == ["RESHAPE"]


def test_a_reshape_that_writes_an_output_stays():
    b = GraphBuilder()
    x = b.image(3, 2, 7)
    refuse(b, [b.reshape(x, (-1, 3, 2, 7))], images(3, 2, 7))


def tiled(b, x, repeats):
    batch, height, width, channels = b.shape(x)
    multiples = b.constant(np.array([1, 1, *repeats], np.int32))
    shape = (batch, height, width * repeats[0], channels * repeats[1])
    return b.builtin("TILE", [x, multiples], b.result(shape))


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize("bits", [1, 2])
def test_tiles_of_maps_are_packed(bits, behind):
    b = GraphBuilder()
    x = b.image(3, 2, 7)
    packed = b.quantize(tiled(b, x, (2, 1)), bits) if behind else None
    y = packed if behind else b.conv(tiled(b, b.low_bit(x, bits), (2, 1)))
    graph = fold(b, [y], images(3, 2, 7))
    assert kinds(graph)[:2] == ["KgnQuantize", "TILE"]


def test_tiles_of_channels_stay():
    b = GraphBuilder()
    refuse(b, [b.quantize(tiled(b, b.image(3, 2, 32), (1, 2)))], images(3, 2, 32))
