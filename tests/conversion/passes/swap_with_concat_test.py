"""Element-wise ops behind a concatenation of binary layers."""

import numpy as np
import pytest

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.passes import swap_with_concat
from tests.conversion.graphs import GraphBuilder, images, kinds, rewritten, untouched

INPUTS = [images(4, 3, 5)]


def joined(b, *filters, axis=3):
    x = b.image(4, 3, 5)
    parts = [b.conv(x, count) for count in filters]
    output = b.result((*b.shape(parts[0])[:3], sum(filters)))
    return b.builtin("CONCATENATION", parts, output, axis=axis, fusedActivationFunction=0)


def rprelu(b, x, channels):
    y = b.prelu(b.add(x, b.vector(channels)))
    return b.add(y, b.vector(channels))


def test_each_part_gets_its_channels():
    b = GraphBuilder()
    graph = rewritten(b.finish([rprelu(b, joined(b, 3, 4), 7)]), INPUTS, swap_with_concat.run)
    assert kinds(graph).count("ADD") == 3  # the second op stands behind ADDs, no longer kernel ops


def test_an_rprelu_becomes_free():
    b = GraphBuilder()
    graph = rewritten(b.finish([rprelu(b, joined(b, 3, 4), 7)]), INPUTS, passes.run)
    assert kinds(graph) == ["KgnConv2D", "KgnConv2D", "CONCATENATION"]


def test_an_rprelu_behind_shortcuts_becomes_free():
    b = GraphBuilder()
    x, shortcut = b.image(4, 3, 5), b.image(4, 3, 4)
    parts = [b.add(b.conv(x, 4), shortcut) for _ in range(2)]
    y = b.builtin(
        "CONCATENATION", parts, b.result((-1, 4, 3, 8)), axis=-1, fusedActivationFunction=0
    )
    inputs = [*INPUTS, images(4, 3, 4, seed=1)]
    graph = rewritten(b.finish([rprelu(b, y, 8)]), inputs, passes.run)
    assert kinds(graph) == ["KgnConv2D", "KgnConv2D", "CONCATENATION"]


@pytest.mark.parametrize("kind", ["RELU", "RELU6"])
def test_activations(kind):
    b = GraphBuilder()
    graph = rewritten(b.finish([b.unary(kind, joined(b, 3, 4))]), INPUTS, swap_with_concat.run)
    assert kinds(graph) == ["KgnConv2D", "KgnConv2D", kind, kind, "CONCATENATION"]


def test_what_others_read_stays():
    b = GraphBuilder()
    y = joined(b, 3, 4)
    untouched(b.finish([b.unary("RELU", y), y]), INPUTS, swap_with_concat.run)


def test_a_part_that_is_no_binary_layer_stays():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    parts = [b.conv(x, 5), x]
    y = b.builtin(
        "CONCATENATION", parts, b.result((-1, 4, 3, 10)), axis=3, fusedActivationFunction=0
    )
    untouched(b.finish([b.unary("RELU", y)]), INPUTS, swap_with_concat.run)


def test_an_op_of_two_tensors_stays():
    b = GraphBuilder()
    other = b.image(4, 3, 7)
    y = b.add(joined(b, 3, 4), other)
    inputs = [np.ones((3, 4, 3, 7), np.float32), *INPUTS]
    untouched(b.finish([y]), inputs, swap_with_concat.run)
