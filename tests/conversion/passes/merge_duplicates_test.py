"""Equal quantizers of one tensor."""

import numpy as np

from keras_groupnet.conversion.passes import merge_duplicates
from tests.conversion.graphs import GraphBuilder, images, kinds, rewritten, untouched


def test_equal_quantizers_become_one():
    b = GraphBuilder()
    x = b.image(5, 4, 8)
    outputs = [b.conv(b.low_bit(x, 2)) for _ in range(3)]
    graph = rewritten(b.finish(outputs), [images(5, 4, 8)], merge_duplicates.run)
    assert kinds(graph) == ["KgnQuantize", "KgnDequantize"] + 3 * ["KgnConv2D"]


def test_quantizers_that_differ_stay():
    b = GraphBuilder()
    x, y = b.image(5), b.image(5)
    packed = [b.quantize(x), b.quantize(y), b.quantize(x, 2), b.quantize(x, 2, 2.0)]
    untouched(b.finish(packed), [images(5), images(5, seed=1)], merge_duplicates.run)


def test_quantizers_with_different_batch_norms_stay():
    b = GraphBuilder()
    x = b.image(5)
    packed = [b.result((-1, 1), np.int32) for _ in range(2)]
    for output in packed:
        constants = [b.constant(b.vector(5)), b.constant(b.vector(5))]
        b.custom("KgnQuantize", [x, *constants], [output], {"version": 1, "bits": 1, "scale": 1.0})
    untouched(b.finish(packed), [images(5)], merge_duplicates.run)


def test_outputs_of_the_model_stay():
    b = GraphBuilder()
    x = b.image(5)
    untouched(b.finish([b.quantize(x), b.quantize(x)]), [images(5)], merge_duplicates.run)
