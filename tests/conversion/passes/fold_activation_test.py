"""Activations behind kernel ops."""

import numpy as np
import pytest

from keras_groupnet.conversion.flatbuffer.graph import ABSENT
from keras_groupnet.conversion.passes import fold_activation, fold_sums
from keras_groupnet.conversion.passes.epilogue import (
    AFTER_ADDENDS,
    BEFORE_ADDENDS,
    OFFSET,
)
from tests.conversion.graphs import GraphBuilder, images, kinds, rewritten, untouched


def fold(builder, outputs, *inputs):
    return rewritten(builder.finish(outputs), inputs, fold_activation.run)


@pytest.mark.parametrize(
    "options, before",
    [
        ({"positive": True}, True),
        ({}, False),
        ({"positive": True, "bias": True}, False),
        ({"positive": True, "pre_activation": 1}, True),
        ({"activation": 1, "positive": True}, False),
    ],
    ids=str,
)
def test_relu_goes_before_the_multiplier_only_where_that_is_the_same(options, before):
    b = GraphBuilder()
    graph = fold(b, [b.unary("RELU", b.conv(b.image(4, 3, 5), **options))], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D"]
    assert graph.ops[0].options["pre_activation"] == before
    assert graph.ops[0].options["activation"] == (not before)


def test_dense():
    b = GraphBuilder()
    graph = fold(b, [b.unary("RELU", b.dense(b.image(6)))], images(6))
    assert kinds(graph) == ["KgnDense"]


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize(
    "activation",
    [
        lambda b, x: b.unary("RELU6", x),
        lambda b, x: b.unary("RELU_N1_TO_1", x),
        lambda b, x: b.prelu(x),
        lambda b, x: b.leaky_relu(x),
        lambda b, x: b.binary("MINIMUM", b.unary("RELU", x), np.float32([2.5])),
        lambda b, x: b.binary("MAXIMUM", np.array(-0.5, np.float32), b.prelu(x)),
    ],
    ids=["relu6", "hard_tanh", "prelu", "leaky_relu", "relu, minimum", "prelu, maximum"],
)
def test_the_general_activation(activation, skip):
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.batch_norm(b.conv(x))
    graph = rewritten(
        b.finish([activation(b, b.add(y, x) if skip else y)]),
        [images(4, 3, 5)],
        fold_sums.run,
        fold_activation.run,
    )
    assert kinds(graph) == ["KgnConv2D"]
    assert graph.ops[0].options["activation"] == (AFTER_ADDENDS if skip else BEFORE_ADDENDS)
    assert graph.ops[0].options["version"] == 3


def test_relu_behind_an_addend():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.unary("RELU", b.add(b.conv(x), x))
    graph = rewritten(b.finish([y]), [images(4, 3, 5)], fold_sums.run, fold_activation.run)
    assert kinds(graph) == ["KgnConv2D"] and graph.ops[0].options["activation"] == AFTER_ADDENDS


def test_activation_before_the_addend_and_a_shift():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.add(b.add(b.prelu(b.batch_norm(b.conv(x))), b.vector(5)), x)
    graph = rewritten(b.finish([y]), [images(4, 3, 5)], fold_sums.run, fold_activation.run)
    assert kinds(graph) == ["KgnConv2D"]
    assert graph.ops[0].options["activation"] == BEFORE_ADDENDS
    assert graph.ops[0].input(OFFSET) != ABSENT


def test_rprelu_behind_the_addend():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.add(b.prelu(b.add(b.add(b.batch_norm(b.conv(x)), x), b.vector(5))), b.vector(5))
    graph = rewritten(
        b.finish([y, b.quantize(y)]), [images(4, 3, 5)], fold_sums.run, fold_activation.run
    )
    assert kinds(graph) == ["KgnConv2D", "KgnQuantize"]
    assert graph.ops[0].options["activation"] == AFTER_ADDENDS


@pytest.mark.parametrize("factor, folded", [(2.0, True), (-2.0, False)])
def test_a_factor_moves_through_slopes_if_it_is_positive(factor, folded):
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.add(b.mul(b.prelu(b.conv(x)), np.full(5, factor)), x)
    graph = rewritten(b.finish([y]), [images(4, 3, 5)], fold_activation.run, fold_sums.run)
    assert kinds(graph) == ["KgnConv2D", *([] if folded else ["MUL", "ADD"])]


@pytest.mark.parametrize(
    "activation",
    [
        lambda b, x: b.unary("ABS", x),
        lambda b, x: b.unary("TANH", x),
        lambda b, x: b.prelu(x, np.full((4, 3, 1), 0.5, np.float32)),
        lambda b, x: b.prelu(x, np.full((3, 5), 0.5, np.float32)),
        lambda b, x: b.binary("MINIMUM", x, b.vector(5)),
        lambda b, x: b.binary("MINIMUM", x, x),
    ],
    ids=["abs", "tanh", "slope a pixel", "slope a column", "limit a channel", "of itself"],
)
def test_other_activations_stay(activation):
    b = GraphBuilder()
    y = activation(b, b.conv(b.image(4, 3, 5), positive=True))
    untouched(b.finish([y]), [images(4, 3, 5)], fold_activation.run)


def test_a_second_slope_stays():
    b = GraphBuilder()
    y = b.prelu(b.prelu(b.conv(b.image(4, 3, 5))))
    graph = fold(b, [y], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D", "PRELU"]


@pytest.mark.parametrize("second", ["reader", "output"])
def test_a_convolution_that_others_read_keeps_its_output(second):
    b = GraphBuilder()
    y = b.conv(b.image(4, 3, 5))
    outputs = [b.unary("RELU", y), b.unary("ABS", y) if second == "reader" else y]
    untouched(b.finish(outputs), [images(4, 3, 5)], fold_activation.run)
