"""Scale maps: which MULs become an input of the kernel op, and where a fused ReLU goes."""

import numpy as np
import pytest

from keras_groupnet.conversion.flatbuffer.graph import ABSENT
from keras_groupnet.conversion.passes import fold_activation, fold_pixel_scale
from keras_groupnet.conversion.passes.epilogue import PIXEL_SCALE
from tests.conversion.graphs import (
    RELU,
    RELU6,
    GraphBuilder,
    exact,
    images,
    kinds,
    rewritten,
    untouched,
)


def fold(builder, outputs, *inputs):
    return rewritten(builder.finish(outputs), inputs, fold_pixel_scale.run, fold_activation.run)


def refuse(builder, outputs, *inputs):
    untouched(builder.finish(outputs), inputs, fold_pixel_scale.run)


@pytest.mark.parametrize("axes", [(3,), (1, 2, 3)], ids=["pixel", "image"])
@pytest.mark.parametrize("left", [False, True])
def test_one_value_a_pixel_or_an_image(axes, left):
    b = GraphBuilder()
    x = b.image(4, 4, 8)
    pair = [b.conv(x), b.mean(x, axes)]
    graph = fold(b, [b.mul(*(pair[::-1] if left else pair))], images(4, 4, 8))
    assert kinds(graph) == ["MEAN", "KgnConv2D"]
    assert graph.ops[1].input(PIXEL_SCALE) == graph.ops[0].outputs[0]


def test_one_value_an_image_and_channel():
    b = GraphBuilder()
    x = b.image(4, 4, 5)
    graph = fold(b, [b.mul(b.mean(x, (1, 2)), b.conv(x))], images(4, 4, 5))
    assert kinds(graph) == ["MEAN", "KgnConv2D"]
    assert graph.ops[1].options["version"] == 3


def test_one_value_a_channel_for_dense():
    b = GraphBuilder()
    x = b.image(5)
    graph = fold(b, [b.mul(b.unary("ABS", x), b.dense(x))], images(5))
    assert kinds(graph) == ["ABS", "KgnDense"]


def test_one_value_an_image_for_dense():
    b = GraphBuilder()
    x = b.image(8)
    graph = fold(b, [b.mul(b.dense(x), b.mean(x, (1,)))], images(8))
    assert kinds(graph) == ["MEAN", "KgnDense"]


@pytest.mark.parametrize("shape", [(4, 1, 1), (1, 4, 1), (4, 4, 5)], ids=str)
def test_scales_of_other_shapes_stay(shape):
    b = GraphBuilder()
    refuse(b, [b.mul(b.conv(b.image(4, 4, 8)), b.image(*shape))], images(4, 4, 8), images(*shape))


def test_a_scale_for_the_whole_batch_stays():
    b = GraphBuilder()
    x = b.image(4, 4, 8)
    refuse(b, [b.mul(b.conv(x), b.mean(x, (0, 3)))], images(4, 4, 8))


def test_a_map_that_widens_a_single_channel_stays():
    b = GraphBuilder()
    x = b.image(4, 4, 8)
    refuse(b, [b.mul(b.conv(x, 1), b.mean(x, (3,)))], images(4, 4, 8))


def test_a_convolution_that_is_smaller_than_its_scale_stays():
    b = GraphBuilder()
    refuse(
        b,
        [b.mul(b.conv(b.image(1, 1, 8)), b.image(4, 4, 1))],
        images(1, 1, 8),
        images(4, 4, 1),
    )


def test_constant_maps_stay():
    b = GraphBuilder()
    scales = exact(np.random.default_rng(1), 1, 4, 4, 1)
    refuse(b, [b.mul(b.conv(b.image(4, 4, 8)), scales)], images(4, 4, 8))


def test_a_constant_number_is_left_to_the_multiplier():
    b = GraphBuilder(batch=3)
    one = np.full((1, 1, 1, 1), -0.5, np.float32)
    refuse(b, [b.mul(b.conv(b.image(4, 4, 8)), one)], images(4, 4, 8))
    b = GraphBuilder(batch=1)
    refuse(b, [b.mul(b.conv(b.image(4, 4, 8)), one)], images(4, 4, 8, batch=1))


@pytest.mark.parametrize("options", [{"bias": True}, {"activation": 1}], ids=str)
def test_behind_a_bias_or_a_relu_it_stays(options):
    b = GraphBuilder()
    x = b.image(4, 4, 8)
    refuse(b, [b.mul(b.conv(x, **options), b.mean(x, (3,)))], images(4, 4, 8))


def test_a_second_scale_stays():
    b = GraphBuilder()
    x = b.image(4, 4, 8)
    y = b.mul(b.conv(x), b.mean(x, (3,)))
    graph = fold(b, [b.mul(y, b.mean(x, (1, 2, 3)))], images(4, 4, 8))
    assert sorted(kinds(graph)) == ["KgnConv2D", "MEAN", "MEAN", "MUL"]


@pytest.mark.parametrize("kind", ["ADD", "SUB", "DIV"])
def test_only_products_fold(kind):
    b = GraphBuilder()
    refuse(
        b,
        [b.binary(kind, b.conv(b.image(4, 4, 8)), b.image(4, 4, 1))],
        images(4, 4, 8),
        np.abs(images(4, 4, 1)) + 1,
    )


def test_the_square_of_a_convolution_stays():
    b = GraphBuilder()
    y = b.conv(b.image(4, 4, 8))
    refuse(b, [b.mul(y, y)], images(4, 4, 8))


def test_a_convolution_with_a_second_reader_or_that_is_an_output_stays():
    for second in (lambda b, y: b.unary("ABS", y), lambda b, y: y):
        b = GraphBuilder()
        x = b.image(4, 4, 8)
        y = b.conv(x)
        refuse(b, [b.mul(y, b.mean(x, (3,))), second(b, y)], images(4, 4, 8))


def test_other_fused_activations_stay():
    b = GraphBuilder()
    x = b.image(4, 4, 8)
    refuse(b, [b.mul(b.conv(x), b.mean(x, (3,)), RELU6)], images(4, 4, 8))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("positive", [True, False], ids=["multiplier>0", "multiplier<0"])
@pytest.mark.parametrize("absolute", [True, False], ids=["map>=0", "map<0"])
def test_relu_goes_to_the_accumulator_only_past_factors_that_are_never_negative(
    fused, positive, absolute
):
    b = GraphBuilder()
    x = b.image(4, 4, 8)
    scales = b.mean(b.unary("ABS", x) if absolute else x, (3,))
    y = b.conv(x, positive=positive)
    y = b.mul(y, scales, RELU) if fused else b.unary("RELU", b.mul(y, scales))
    graph = fold(b, [y], images(4, 4, 8))
    (op,) = graph.of_kind("KgnConv2D")
    assert "RELU" not in kinds(graph) and "MUL" not in kinds(graph)
    before = positive and absolute
    assert (op.options["pre_activation"], op.options["activation"]) == (before, not before)
    assert op.input(PIXEL_SCALE) != ABSENT


@pytest.mark.parametrize("weight, bias", [(-1.0, 0.0), (1.0, -1.0), (1.0, 0.0)])
def test_a_box_filter_is_never_negative_if_its_constants_are_not(weight, bias):
    b = GraphBuilder()
    x = b.image(4, 4, 8)
    magnitude = b.mean(b.unary("ABS", x), (3,))
    filters = b.constant(np.full((1, 3, 3, 1), weight, np.float32))
    offset = b.constant(np.full(1, bias, np.float32))
    scales = b.result((-1, 4, 4, 1))
    b.builtin("CONV_2D", [magnitude, filters, offset], scales, strideH=1, strideW=1)
    graph = fold(b, [b.mul(b.conv(x, positive=True), scales, RELU)], images(4, 4, 8))
    (op,) = graph.of_kind("KgnConv2D")
    assert op.options["pre_activation"] == (weight > 0 and bias == 0)
