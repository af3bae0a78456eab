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
    sizes = b.builtin("SHAPE", [x], b.result((3,), np.int32), outType=2)
    sizes = b.builtin("ABS", [sizes], b.result((3,), np.int32))
    y = b.builtin("RESHAPE", [x, sizes], b.result((-1, 2, -1)))
    untouched(b.finish([y]), [images(2, 3)], fix_reshape.run)


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


def test_sizes_that_are_known_are_read_from_the_ops_that_compute_the_shape():
    b = GraphBuilder()
    x = b.image(2, 3)
    shape = b.builtin("SHAPE", [x], b.result((3,), np.int32), outType=2)
    limits = [b.constant(np.array([n], np.int32)) for n in (0, 2, 1)]
    first = b.builtin("STRIDED_SLICE", [shape, *limits], b.result((2,), np.int32))
    last = b.constant(np.array([3, 1], np.int32))
    sizes = b.builtin("CONCATENATION", [first, last], b.result((4,), np.int32), axis=0)
    y = b.unary("ABS", b.builtin("RESHAPE", [x, sizes], b.result((-1, -1, 3, 1))))
    graph = rewritten(b.finish([y]), [images(2, 3)], fix_reshape.run)
    assert kinds(graph) == ["RESHAPE", "ABS"]
    np.testing.assert_array_equal(graph.value(graph.ops[0].inputs[1]), [-1, 2, 3, 1])


def test_expand_dims_is_a_reshape():
    b = GraphBuilder()
    axis = b.constant(np.array(1, np.int32))
    x = b.builtin("EXPAND_DIMS", [b.image(2, 3), axis], b.result((-1, 1, 2, 3)))
    graph = rewritten(b.finish([b.unary("ABS", x)]), [images(2, 3)], fix_reshape.run)
    assert kinds(graph) == ["RESHAPE", "ABS"]
