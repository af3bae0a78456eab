"""CONCATENATION of packed values."""

import pytest

from keras_groupnet.conversion.passes import pack_concat, pack_inputs
from tests.conversion.graphs import RELU, GraphBuilder, images, kinds, rewritten, untouched


def parts(b, channels, bits=(1, 1)):
    return [b.low_bit(b.image(4, 3, n), k) for n, k in zip(channels, bits, strict=True)]


def concatenated(b, tensors, axis=-1, activation=0):
    shape = list(b.shape(tensors[0]))
    shape[axis] = sum(b.shape(tensor)[axis] for tensor in tensors)
    output = b.result(shape)
    return b.builtin(
        "CONCATENATION", tensors, output, axis=axis, fusedActivationFunction=activation
    )


def fold(b, outputs, *inputs):
    return rewritten(b.finish(outputs), inputs, pack_concat.run, pack_inputs.run)


@pytest.mark.parametrize("last", [32, 7])
def test_parts_of_whole_words(last):
    b = GraphBuilder()
    y = b.conv(concatenated(b, parts(b, (64, last))))
    graph = fold(b, [y], images(4, 3, 64), images(4, 3, last, seed=1))
    assert kinds(graph) == ["KgnQuantize", "KgnQuantize", "CONCATENATION", "KgnConv2D"]
    assert graph.ops[-1].options["bits"] == 1


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_other_parts_are_packed_once_more(bits):
    b = GraphBuilder()
    y = b.conv(concatenated(b, parts(b, (33, 32), (bits, bits))))
    graph = fold(b, [y], images(4, 3, 33), images(4, 3, 32, seed=1))
    assert kinds(graph)[-3:] == ["CONCATENATION", "KgnQuantize", "KgnConv2D"]
    assert graph.ops[-1].options["bits"] == bits


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_maps_one_below_the_other(bits):
    b = GraphBuilder()
    y = b.conv(concatenated(b, parts(b, (7, 7), (bits, bits)), axis=1))
    graph = fold(b, [y], images(4, 3, 7), images(4, 3, 7, seed=1))
    assert kinds(graph) == ["KgnQuantize", "KgnQuantize", "CONCATENATION", "KgnConv2D"]


def refuse(b, outputs, *inputs):
    untouched(b.finish(outputs), inputs, pack_concat.run)


def test_parts_of_different_bits_stay():
    b = GraphBuilder()
    y = b.conv(concatenated(b, parts(b, (32, 32), (1, 2))))
    refuse(b, [y], images(4, 3, 32), images(4, 3, 32, seed=1))


def test_a_float_part_stays():
    b = GraphBuilder()
    y = b.conv(concatenated(b, [*parts(b, (32,), (1,)), b.image(4, 3, 32)]))
    refuse(b, [y], images(4, 3, 32), images(4, 3, 32, seed=1))


def test_with_an_activation_it_stays():
    b = GraphBuilder()
    y = b.conv(concatenated(b, parts(b, (32, 32)), activation=RELU))
    refuse(b, [y], images(4, 3, 32), images(4, 3, 32, seed=1))


def test_broken_words_that_only_float_ops_read_stay():
    b = GraphBuilder()
    y = b.unary("ABS", concatenated(b, parts(b, (33, 32))))
    refuse(b, [y], images(4, 3, 33), images(4, 3, 32, seed=1))
