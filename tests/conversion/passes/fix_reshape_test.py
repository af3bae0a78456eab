"""Reshapes to a shape that is computed at run time."""

import numpy as np

from keras_groupnet.conversion.passes import fix_reshape
from tests.conversion.graphs import GraphBuilder, images, kinds, rewritten, untouched


def computed(b, x, output):
    """RESHAPE of x to the shape of x itself, read at run time."""
    shape = b.builtin("SHAPE", [x], b.result((len(b.shape(x)),), np.int32), outType=2)
    return b.builtin("RESHAPE", [x, shape], output)


def test_one_unknown_dimension_is_left_to_the_runtime():
    b = GraphBuilder()
    x = b.image(2, 3)
    graph = rewritten(
        b.finish([computed(b, x, b.result((-1, 2, 3)))]), [images(2, 3)], fix_reshape.run
    )
    assert kinds(graph) == ["RESHAPE"]
    np.testing.assert_array_equal(graph.value(graph.ops[0].inputs[1]), [-1, 2, 3])


def test_two_unknown_dimensions_stay():
    b = GraphBuilder()
    x = b.image(2, 3)
    untouched(b.finish([computed(b, x, b.result((-1, 2, -1)))]), [images(2, 3)], fix_reshape.run)


def test_constant_shapes_stay():
    b = GraphBuilder()
    untouched(b.finish([b.reshape(b.image(2, 3), (-1, 6))]), [images(2, 3)], fix_reshape.run)


def test_a_shape_in_the_options_stays():
    b = GraphBuilder(batch=1)
    y = b.builtin("RESHAPE", [b.image(2, 3)], b.result((6,)), newShape=[6])
    untouched(b.finish([y]), [images(2, 3, batch=1)], fix_reshape.run)


def test_a_reshape_to_a_scalar_has_no_bytes_in_its_shape():
    b = GraphBuilder(batch=1)
    y = b.reshape(b.image(1), ())
    untouched(b.finish([y]), [images(1, batch=1)], fix_reshape.run)
