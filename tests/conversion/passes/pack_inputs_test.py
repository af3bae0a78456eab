"""Readers of dequantized tensors that read the packed ones."""

import pytest

from keras_groupnet.conversion.passes import fold_sums, pack_inputs
from keras_groupnet.conversion.passes.epilogue import ADDEND
from tests.conversion.graphs import RELU, GraphBuilder, images, kinds, rewritten, untouched


def fold(builder, outputs, *inputs):
    return rewritten(builder.finish(outputs), inputs, pack_inputs.run)


def refuse(builder, outputs, *inputs):
    untouched(builder.finish(outputs), inputs, pack_inputs.run)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("options", [{}, {"bias": True}, {"pre_activation": 1}, {"activation": 1}])
def test_a_convolution_reads_bits_and_its_multiplier_takes_the_step(bits, options):
    b = GraphBuilder()
    y = b.conv(b.low_bit(b.image(5, 4, 40), bits), **options)
    graph = fold(b, [y], images(5, 4, 40))
    assert kinds(graph) == ["KgnQuantize", "KgnConv2D"]
    assert graph.ops[1].options["bits"] == bits


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_dense(bits):
    b = GraphBuilder()
    graph = fold(b, [b.dense(b.low_bit(b.image(40), bits))], images(40))
    assert kinds(graph) == ["KgnQuantize", "KgnDense"]


@pytest.mark.parametrize("pad", [-1, 1])
def test_padding_by_ones_is_kept_with_one_bit(pad):
    b = GraphBuilder()
    graph = fold(b, [b.conv(b.low_bit(b.image(5, 4, 8)), pad_value=pad)], images(5, 4, 8))
    assert graph.ops[-1].options["bits"] == 1


@pytest.mark.parametrize("pad", [-1, 1])
@pytest.mark.parametrize("bits", [2, 4])
def test_padding_by_ones_has_no_code_with_more_bits(bits, pad):
    b = GraphBuilder()
    refuse(b, [b.conv(b.low_bit(b.image(5, 4, 8), bits), pad_value=pad)], images(5, 4, 8))


def test_other_readers_keep_the_float_tensor():
    b = GraphBuilder()
    x = b.low_bit(b.image(5, 4, 5))
    graph = fold(b, [b.conv(x), b.unary("ABS", x)], images(5, 4, 5))
    assert sorted(kinds(graph)) == ["ABS", "KgnConv2D", "KgnDequantize", "KgnQuantize"]


def test_an_addend_stays_float():
    b = GraphBuilder()
    x = b.low_bit(b.image(5, 4, 5))
    y = b.add(b.conv(x), x)
    content = b.finish([y])
    graph = rewritten(content, [images(5, 4, 5)], pack_inputs.run, fold_sums.run)
    assert kinds(graph) == ["KgnQuantize", "KgnDequantize", "KgnConv2D"]
    assert graph.ops[2].input(ADDEND) == graph.ops[1].outputs[0]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_max_pool_moves_before_the_dequantizer(bits):
    b = GraphBuilder()
    pooled = b.max_pool(b.low_bit(b.image(5, 4, 40), bits))
    graph = fold(b, [b.conv(pooled), pooled], images(5, 4, 40))
    assert sorted(kinds(graph)) == ["KgnConv2D", "KgnDequantize", "KgnMaxPool2D", "KgnQuantize"]


def test_max_pool_with_an_activation_stays():
    b = GraphBuilder()
    refuse(b, [b.max_pool(b.low_bit(b.image(5, 4, 8)), RELU)], images(5, 4, 8))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_flatten_moves_before_the_quantizer_of_a_dense_layer(bits):
    b = GraphBuilder()
    y = b.dense(b.reshape(b.low_bit(b.image(3, 2, 7), bits), (-1, 42)))
    graph = fold(b, [y], images(3, 2, 7))
    assert kinds(graph) == ["RESHAPE", "KgnQuantize", "KgnDense"]


def test_flatten_with_other_readers_stays():
    b = GraphBuilder()
    flat = b.reshape(b.low_bit(b.image(3, 2, 7)), (-1, 42))
    refuse(b, [b.dense(flat), b.unary("ABS", flat)], images(3, 2, 7))
