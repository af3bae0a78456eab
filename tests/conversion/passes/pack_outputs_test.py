"""Quantizers behind kernel ops."""

import numpy as np
import pytest

from keras_groupnet.conversion.flatbuffer.graph import ABSENT
from keras_groupnet.conversion.passes import fold_batch_norm, fold_sums, pack_outputs
from keras_groupnet.conversion.passes.epilogue import QUANTIZE_BIAS, QUANTIZE_MULTIPLIER
from tests.conversion.graphs import RELU, GraphBuilder, images, kinds, rewritten, untouched


def fold(builder, outputs, *inputs):
    passes = (fold_sums.run, fold_batch_norm.run, pack_outputs.run)
    return rewritten(builder.finish(outputs), inputs, *passes)


@pytest.mark.parametrize("bits, scale", [(1, 1.0), (2, 0.5), (4, 2.0)])
def test_a_convolution_writes_bits_alone(bits, scale):
    b = GraphBuilder()
    graph = fold(b, [b.quantize(b.conv(b.image(5, 4, 5), 40), bits, scale)], images(5, 4, 5))
    assert kinds(graph) == ["KgnConv2D"]
    assert graph.ops[0].options["out_bits"] == bits and not graph.ops[0].options["float_output"]


def test_dense():
    b = GraphBuilder()
    assert kinds(fold(b, [b.quantize(b.dense(b.image(5)))], images(5))) == ["KgnDense"]


@pytest.mark.parametrize("second", ["reader", "output"])
def test_a_float_output_that_others_read_is_written_too(second):
    b = GraphBuilder()
    y = b.conv(b.image(5, 4, 5))
    outputs = [b.quantize(y), b.unary("ABS", y) if second == "reader" else y]
    graph = fold(b, outputs, images(5, 4, 5))
    assert kinds(graph)[0] == "KgnConv2D" and len(graph.ops[0].outputs) == 2


def test_batch_norm_of_a_sum_that_is_read_as_float_goes_before_the_quantizer():
    b = GraphBuilder()
    x = b.image(5, 4, 5)
    y = b.add(b.conv(x), x)
    graph = fold(b, [b.quantize(b.batch_norm(y)), y], images(5, 4, 5))
    (op,) = graph.ops
    assert op.input(QUANTIZE_MULTIPLIER) != ABSENT and op.input(QUANTIZE_BIAS) != ABSENT


def test_a_second_quantizer_of_another_kind_stays():
    b = GraphBuilder()
    y = b.conv(b.image(5, 4, 5))
    graph = fold(b, [b.quantize(y), b.quantize(y, 2)], images(5, 4, 5))
    assert kinds(graph) == ["KgnConv2D", "KgnQuantize"]


def test_max_pool_swaps_with_the_quantizer():
    b = GraphBuilder()
    packed = b.quantize(b.max_pool(b.conv(b.image(5, 4, 5), 40)), 2)
    assert kinds(fold(b, [packed], images(5, 4, 5))) == ["KgnConv2D", "KgnMaxPool2D"]


def refuse(builder, outputs, *inputs):
    untouched(builder.finish(outputs), inputs, pack_outputs.run)


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("rising", [True, False])
def test_where_a_batch_norm_falls_the_maximum_becomes_a_minimum(bits, rising):
    b = GraphBuilder()
    pooled = b.max_pool(b.conv(b.image(5, 4, 5), 40))
    normed = b.add(b.mul(pooled, np.abs(b.vector(40)) if rising else b.vector(40)), b.vector(40))
    graph = fold(b, [b.quantize(normed, bits)], images(5, 4, 5))
    assert kinds(graph) == ["KgnConv2D", "KgnMaxPool2D"]
    assert len(graph.ops[1].inputs) == (1 if rising else 2)


def test_max_pool_with_an_activation_stays():
    b = GraphBuilder()
    refuse(b, [b.quantize(b.max_pool(b.conv(b.image(5, 4, 5)), RELU))], images(5, 4, 5))


def test_max_pool_that_others_read_stays():
    b = GraphBuilder()
    pooled = b.max_pool(b.conv(b.image(5, 4, 5)))
    refuse(b, [b.quantize(pooled), b.unary("ABS", pooled)], images(5, 4, 5))


def test_max_pool_of_a_convolution_that_others_read_stays():
    b = GraphBuilder()
    y = b.conv(b.image(5, 4, 5))
    refuse(b, [b.quantize(b.max_pool(y)), y], images(5, 4, 5))


def test_a_quantizer_of_an_input_or_of_another_op_stays():
    b = GraphBuilder()
    x = b.image(5, 4, 5)
    refuse(b, [b.quantize(x), b.quantize(b.unary("ABS", x))], images(5, 4, 5))
