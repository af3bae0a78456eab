"""Means of batch norms."""

import pytest

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.passes import swap_with_mean
from tests.conversion.graphs import RELU, GraphBuilder, images, kinds, rewritten, untouched


@pytest.mark.parametrize("axes, keep", [((1, 2), True), ((1, 2), False), ((1,), True)])
def test_the_mean_goes_first(axes, keep):
    b = GraphBuilder()
    y = b.mean(b.batch_norm(b.image(4, 4, 5)), axes, keep)
    graph = rewritten(b.finish([y]), [images(4, 4, 5)], swap_with_mean.run)
    assert kinds(graph) == ["MEAN", "MUL", "ADD"]


def test_a_batch_norm_that_a_gate_and_a_quantizer_read():
    b = GraphBuilder()
    y = b.add(b.conv(b.low_bit(b.image(4, 4, 8)), 8), b.image(4, 4, 8))
    normed = b.batch_norm(y)
    outputs = [b.mean(normed, (1, 2)), b.quantize(normed), y]
    inputs = [images(4, 4, 8), images(4, 4, 8, seed=1)]
    graph = rewritten(b.finish(outputs), inputs, passes.run)
    assert kinds(graph) == ["KgnQuantize", "KgnConv2D", "MEAN", "MUL", "ADD"]


@pytest.mark.parametrize("axes", [(3,), (0, 1), (1, 2, 3)])
def test_means_of_channels_or_batches_stay(axes):
    b = GraphBuilder(batch=2)
    y = b.mean(b.batch_norm(b.image(4, 4, 8)), axes)
    untouched(b.finish([y]), [images(4, 4, 8, batch=2)], swap_with_mean.run)


def test_an_activation_between_stays():
    b = GraphBuilder()
    y = b.mean(b.batch_norm(b.image(4, 4, 8), RELU), (1, 2))
    untouched(b.finish([y]), [images(4, 4, 8)], swap_with_mean.run)
