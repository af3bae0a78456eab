"""Batch norm in front of quantizers and scale maps."""

import numpy as np
import pytest

from keras_groupnet.conversion.passes import fold_batch_norm
from tests.conversion.graphs import RELU, GraphBuilder, exact, images, kinds, rewritten, untouched


def fold(builder, outputs, *inputs):
    return rewritten(builder.finish(outputs), inputs, fold_batch_norm.run)


def refuse(builder, outputs, *inputs):
    untouched(builder.finish(outputs), inputs, fold_batch_norm.run)


def scale_map(b, x):
    options = {"version": 1, "kernel_height": 1, "kernel_width": 1, "padding": 0}
    options |= {
        f"{what}_{side}": 1 for what in ("stride", "dilation") for side in ("height", "width")
    }
    output = b.result((*b.shape(x)[:-1], 1))
    b.custom("KgnScaleMap", [x], [output], options)
    return output


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("shape", [(6,), (4, 3, 40)], ids=str)
def test_multiplier_and_bias_of_a_quantizer(bits, shape):
    b = GraphBuilder()
    graph = fold(b, [b.quantize(b.batch_norm(b.image(*shape)), bits)], images(*shape))
    assert kinds(graph) == ["KgnQuantize"] and len(graph.ops[0].inputs) == 3


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_a_scaling_or_a_shift_alone(kind):
    b = GraphBuilder()
    graph = fold(b, [b.quantize(b.binary(kind, b.vector(6), b.image(6)))], images(6))
    assert kinds(graph) == ["KgnQuantize"]


def test_a_quantizer_and_a_scale_map_share_it():
    b = GraphBuilder()
    x = b.batch_norm(b.image(4, 3, 8))
    graph = fold(b, [b.quantize(x), scale_map(b, x)], images(4, 3, 8))
    assert sorted(kinds(graph)) == ["KgnQuantize", "KgnScaleMap"]
    assert graph.ops[0].inputs == graph.ops[1].inputs


@pytest.mark.parametrize("second", ["reader", "output"])
def test_one_that_others_read_stays(second):
    b = GraphBuilder()
    x = b.batch_norm(b.image(4, 3, 8))
    refuse(b, [b.quantize(x), b.unary("ABS", x) if second == "reader" else x], images(4, 3, 8))


def test_behind_it_a_relu_keeps_it():
    b = GraphBuilder()
    refuse(b, [b.quantize(b.batch_norm(b.image(6), RELU))], images(6))


def test_a_relu_inside_ends_it():
    b = GraphBuilder()
    x = b.add(b.mul(b.image(6), b.vector(6), RELU), b.vector(6))
    assert kinds(fold(b, [b.quantize(x)], images(6))) == ["MUL", "KgnQuantize"]


def test_two_tensors_stay():
    b = GraphBuilder()
    x = b.image(6)
    refuse(b, [b.quantize(b.add(b.batch_norm(x), b.unary("ABS", x)))], images(6))


def test_a_tensor_and_its_scaling_are_one():
    b = GraphBuilder()
    x = b.image(6)
    assert kinds(fold(b, [b.quantize(b.add(b.mul(x, b.vector(6)), x))], images(6))) == [
        "KgnQuantize"
    ]


@pytest.mark.parametrize("shape", [(1, 4, 1, 1), (1, 4, 3, 1), (4, 3, 8)], ids=str)
@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_constants_that_are_not_per_channel_stay(kind, shape):
    b = GraphBuilder()
    value = exact(np.random.default_rng(1), *shape)
    refuse(b, [b.quantize(b.binary(kind, b.image(4, 3, 8), value))], images(4, 3, 8))


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_constants_that_widen_the_tensor_stay(kind):
    b = GraphBuilder()
    refuse(b, [b.quantize(b.binary(kind, b.image(4, 3, 1), b.vector(8)))], images(4, 3, 1))


@pytest.mark.parametrize("kind", ["SUB", "DIV"])
def test_subtractions_and_divisions_stay(kind):
    b = GraphBuilder()
    refuse(b, [b.quantize(b.binary(kind, b.image(6), b.vector(6)))], images(6))


def test_a_quantizer_that_has_one_already():
    b = GraphBuilder()
    x = b.batch_norm(b.image(6))
    packed = b.result((-1, 1), np.int32)
    constants = [b.constant(b.vector(6)), b.constant(b.vector(6))]
    b.custom("KgnQuantize", [x, *constants], [packed], {"version": 1, "bits": 1, "scale": 1.0})
    refuse(b, [packed], images(6))
