"""Sums and scalings that go into epilogues, and those that must not."""

import numpy as np
import pytest

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph
from keras_groupnet.conversion.passes import fold_sums
from keras_groupnet.conversion.passes.epilogue import ADDEND, ADDEND_MULTIPLIER, SECOND_ADDEND
from tests.conversion.graphs import (
    RELU,
    RELU6,
    RELU_N1_TO_1,
    SIGN_BIT,
    GraphBuilder,
    exact,
    images,
    kinds,
    rewritten,
    untouched,
)

UNARY = {RELU: "RELU", RELU6: "RELU6", RELU_N1_TO_1: "RELU_N1_TO_1"}


def fold(builder, outputs, *inputs):
    return rewritten(builder.finish(outputs), inputs, fold_sums.run)


def refuse(builder, outputs, *inputs):
    untouched(builder.finish(outputs), inputs, fold_sums.run)


def test_batch_norm_goes_into_multiplier_and_bias():
    b = GraphBuilder()
    graph = fold(b, [b.batch_norm(b.conv(b.image(4, 3, 5)))], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D"]
    assert len(graph.ops[0].inputs) == 4


def test_constants_on_the_left():
    b = GraphBuilder()
    x = b.add(b.vector(5), b.mul(b.vector(5), b.conv(b.image(4, 3, 5))))
    assert kinds(fold(b, [x], images(4, 3, 5))) == ["KgnConv2D"]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1), (5,), (1, 1, 1, 5)], ids=str)
def test_scalars_and_vectors_of_any_rank(shape):
    b = GraphBuilder()
    value = np.full(shape, -1.5, np.float32)
    graph = fold(b, [b.add(b.mul(b.conv(b.image(4, 3, 5)), value), value)], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D"]


@pytest.mark.parametrize(
    "shape", [(1, 4, 1, 1), (1, 1, 3, 1), (1, 4, 3, 1), (4, 1, 1), (3, 1), (1, 4, 3, 5), (3, 5)]
)
@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_a_constant_for_rows_or_pixels_stays(kind, shape):
    b = GraphBuilder()
    value = exact(np.random.default_rng(1), *shape)
    refuse(b, [b.binary(kind, b.conv(b.image(4, 3, 5)), value)], images(4, 3, 5))


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_a_constant_for_rows_of_which_there_are_as_many_as_channels_stays(kind):
    b = GraphBuilder()
    rows = exact(np.random.default_rng(1), 1, 5, 1, 1)
    refuse(b, [b.binary(kind, b.conv(b.image(5, 3, 5)), rows)], images(5, 3, 5))


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_a_constant_for_each_image_of_a_fixed_batch_stays(kind):
    b = GraphBuilder(batch=3)
    value = exact(np.random.default_rng(1), 3, 1, 1, 1)
    refuse(b, [b.binary(kind, b.conv(b.image(4, 3, 5)), value)], images(4, 3, 5))


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_a_constant_that_widens_one_channel_stays(kind):
    b = GraphBuilder()
    x = b.binary(kind, b.conv(b.image(4, 3, 5), 1), b.vector(6))
    refuse(b, [x], images(4, 3, 5))


def test_a_constant_that_raises_the_rank_stays():
    b = GraphBuilder()
    x = b.mul(b.dense(b.image(6)), b.vector(5).reshape(1, 1, 1, 5))
    untouched(b.finish([x]), [images(6, batch=1)], fold_sums.run)


@pytest.mark.parametrize("kind", ["SUB", "DIV"])
@pytest.mark.parametrize("left", [False, True])
def test_subtractions_and_divisions_stay(kind, left):
    b = GraphBuilder()
    pair = [b.conv(b.image(4, 3, 5), bias=True), b.vector(5)]
    refuse(b, [b.binary(kind, *(pair[::-1] if left else pair))], images(4, 3, 5))


def test_a_skip_becomes_the_addend():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    graph = fold(b, [b.add(x, b.batch_norm(b.conv(x)))], images(4, 3, 5))
    (op,) = graph.ops
    assert op.input(ADDEND) == graph.inputs[0] and op.input(ADDEND_MULTIPLIER) == ABSENT


def test_a_scaled_skip_has_an_addend_multiplier():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    graph = fold(b, [b.batch_norm(b.add(b.conv(x), x))], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D"] and graph.ops[0].input(ADDEND_MULTIPLIER) != ABSENT


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("axes", [(1, 2), (1,), (3,), (1, 2, 3)])
def test_a_smaller_tensor_that_is_broadcast_stays_outside(batch, axes):
    b = GraphBuilder(batch=batch)
    x = b.image(4, 4, 5)
    graph = fold(b, [b.add(b.batch_norm(b.conv(x)), b.mean(x, axes))], images(4, 4, 5))
    assert sorted(kinds(graph)) == ["ADD", "KgnConv2D", "MEAN"]
    assert graph.of_kind("KgnConv2D")[0].input(ADDEND) == ABSENT


def test_a_convolution_that_is_broadcast_itself_stays_outside():
    b = GraphBuilder()
    x = b.image(1, 1, 5)
    y = b.image(4, 3, 5)
    refuse(b, [b.add(b.conv(x), y)], images(1, 1, 5), images(4, 3, 5))


def test_an_image_added_to_every_image_of_a_dynamic_batch_stays_outside():
    b = GraphBuilder()
    bias = exact(np.random.default_rng(1), 1, 4, 3, 5)
    refuse(b, [b.add(b.conv(b.image(4, 3, 5)), bias)], images(4, 3, 5))


def test_three_convolutions_and_a_skip_are_chained():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = x
    for _ in range(3):
        y = b.add(y, b.batch_norm(b.conv(x)))
    graph = fold(b, [y], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D"] * 3
    assert sum(op.input(ADDEND) != ABSENT for op in graph.ops) == 3


def test_a_skip_of_each_convolution_goes_beside_its_predecessor():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    skips = [x, b.unary("ABS", x)]
    sums = [b.add(b.conv(x), skip) for skip in skips]
    graph = fold(b, [b.add(*sums)], images(4, 3, 5))
    assert kinds(graph).count("KgnConv2D") == 2 and "ADD" not in kinds(graph)
    assert graph.ops[-1].input(SECOND_ADDEND) != ABSENT


def test_more_skips_than_convolutions_are_added_first():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.mul(b.conv(x), b.vector(5))
    for kind in ("ABS", "NEG", "SQUARE"):
        y = b.add(y, b.mul(b.unary(kind, x), b.vector(5)))
    graph = fold(b, [y], images(4, 3, 5))
    assert kinds(graph).count("KgnConv2D") == 1 and kinds(graph)[-1] == "KgnConv2D"


def test_a_skip_that_is_computed_after_the_convolution():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.conv(x)
    graph = fold(b, [b.add(y, b.unary("ABS", b.unary("NEG", x)))], images(4, 3, 5))
    assert kinds(graph) == ["NEG", "ABS", "KgnConv2D"]


def test_a_tensor_added_to_itself_counts_twice():
    b = GraphBuilder()
    y = b.conv(b.image(4, 3, 5))
    assert kinds(fold(b, [b.add(y, y)], images(4, 3, 5))) == ["KgnConv2D"]


def test_a_scaling_added_to_itself():
    b = GraphBuilder()
    y = b.batch_norm(b.conv(b.image(4, 3, 5)))
    assert kinds(fold(b, [b.add(y, y)], images(4, 3, 5))) == ["KgnConv2D"]


def test_forty_doublings_take_no_longer_than_forty_sums():
    b = GraphBuilder()
    y = b.conv(b.image(4, 3, 5))
    for _ in range(40):
        y = b.add(y, y)
    assert kinds(fold(b, [y], images(4, 3, 5))) == ["KgnConv2D"]


def test_a_sum_of_a_thousand_terms():
    b = GraphBuilder()
    x = b.image(1, 1, 2)
    y = b.conv(x, 2)
    for _ in range(1200):
        y = b.add(y, x)
    assert kinds(fold(b, [y], images(1, 1, 2))) == ["KgnConv2D"]


def test_the_output_of_a_convolution_and_its_scaling_are_one_term():
    b = GraphBuilder()
    y = b.conv(b.image(4, 3, 5))
    assert kinds(fold(b, [b.add(y, b.mul(y, b.vector(5)))], images(4, 3, 5))) == ["KgnConv2D"]


def test_a_convolution_that_others_read_keeps_its_output():
    b = GraphBuilder()
    y = b.conv(b.image(4, 3, 5))
    refuse(b, [b.batch_norm(y), b.unary("ABS", y)], images(4, 3, 5))


def test_a_convolution_that_is_an_output_of_the_model_keeps_it():
    b = GraphBuilder()
    y = b.conv(b.image(4, 3, 5))
    refuse(b, [b.batch_norm(y), y], images(4, 3, 5))


def test_a_scaling_that_is_an_output_of_the_model_ends_the_expression():
    b = GraphBuilder()
    scaled = b.mul(b.conv(b.image(4, 3, 5)), b.vector(5))
    graph = fold(b, [b.add(scaled, b.vector(5)), scaled], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D", "ADD"]


def test_a_scaling_that_two_read_ends_the_expression():
    b = GraphBuilder()
    scaled = b.mul(b.conv(b.image(4, 3, 5)), b.vector(5))
    graph = fold(b, [b.add(scaled, b.vector(5)), b.unary("ABS", scaled)], images(4, 3, 5))
    assert sorted(kinds(graph)) == ["ABS", "ADD", "KgnConv2D"]


def test_a_relu_in_the_epilogue_is_in_the_way():
    b = GraphBuilder()
    refuse(b, [b.batch_norm(b.conv(b.image(4, 3, 5), activation=1))], images(4, 3, 5))


def test_a_relu_of_the_accumulator_is_not():
    b = GraphBuilder()
    y = b.batch_norm(b.conv(b.image(4, 3, 5), pre_activation=1))
    assert kinds(fold(b, [y], images(4, 3, 5))) == ["KgnConv2D"]


def test_an_addend_that_is_there_already_is_in_the_way():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    refuse(b, [b.batch_norm(b.conv(x, addend=x))], images(4, 3, 5))
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    refuse(b, [b.add(b.conv(x, addend=x), x)], images(4, 3, 5))


@pytest.mark.parametrize("activation", UNARY)
def test_fused_activations_are_left_to_the_next_pass(activation):
    b = GraphBuilder()
    graph = fold(b, [b.batch_norm(b.conv(b.image(4, 3, 5)), activation)], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D", UNARY[activation]]


@pytest.mark.parametrize("activation", UNARY)
def test_the_residual_block_of_version_1(activation):
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    graph = fold(b, [b.add(x, b.batch_norm(b.conv(x)), activation)], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D", UNARY[activation]]
    assert graph.ops[0].input(ADDEND) != ABSENT and not graph.ops[0].options["activation"]


@pytest.mark.parametrize("activation", UNARY)
def test_the_sum_of_bases_under_an_activation(activation):
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.add(b.add(b.batch_norm(b.conv(x)), b.batch_norm(b.conv(x))), x, activation)
    graph = fold(b, [y], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D", "KgnConv2D", UNARY[activation]]


@pytest.mark.parametrize("activation", UNARY)
def test_the_sum_of_bases_alone_under_an_activation(activation):
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    y = b.add(b.batch_norm(b.conv(x)), b.conv(x), activation)
    graph = fold(b, [y], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D", "KgnConv2D", UNARY[activation]]


def test_an_activation_inside_ends_the_expression():
    b = GraphBuilder()
    y = b.mul(b.conv(b.image(4, 3, 5)), b.vector(5), RELU6)
    graph = fold(b, [b.add(y, b.vector(5))], images(4, 3, 5))
    assert kinds(graph) == ["KgnConv2D", "RELU6", "ADD"]


def test_an_activation_that_the_runtime_has_no_op_for_is_left_alone():
    b = GraphBuilder()
    content = b.finish([b.batch_norm(b.conv(b.image(4, 3, 5)), SIGN_BIT)])
    assert not fold_sums.run(Graph(content))  # nor does it run


def test_expressions_without_a_kernel_op_stay():
    b = GraphBuilder()
    x = b.image(4, 3, 5)
    refuse(b, [b.batch_norm(b.add(x, x))], images(4, 3, 5))


def test_dense():
    b = GraphBuilder()
    x = b.image(5)
    graph = fold(b, [b.add(b.batch_norm(b.dense(x)), x, RELU)], images(5))
    assert kinds(graph) == ["KgnDense", "RELU"]
