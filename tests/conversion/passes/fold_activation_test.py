"""RELU behind kernel ops."""

import pytest

from keras_groupnet.conversion.passes import fold_activation, fold_sums
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


def test_behind_an_addend_it_stays():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    graph = rewritten(
        b.finish([b.unary("RELU", b.add(b.conv(x), x))]),
        [images(4, 3, 5)],
        fold_sums.run,
        fold_activation.run,
    )
    assert kinds(graph) == ["KgnConv2D", "RELU"]


@pytest.mark.parametrize("kind", ["RELU6", "RELU_N1_TO_1", "ABS", "TANH"])
def test_other_activations_stay(kind):
    b = GraphBuilder()
    y = b.unary(kind, b.conv(b.image(4, 3, 5), positive=True))
    untouched(b.finish([y]), [images(4, 3, 5)], fold_activation.run)


@pytest.mark.parametrize("second", ["reader", "output"])
def test_a_convolution_that_others_read_keeps_its_output(second):
    b = GraphBuilder()
    y = b.conv(b.image(4, 3, 5))
    outputs = [b.unary("RELU", y), b.unary("ABS", y) if second == "reader" else y]
    untouched(b.finish(outputs), [images(4, 3, 5)], fold_activation.run)
