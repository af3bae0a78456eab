"""Which weights are compressed, and that the file's values stay."""

import numpy as np
import pytest

from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.passes import compress_kernels
from keras_groupnet.conversion.weights.bitpack import pack_bits
from tests.conversion.graphs import GraphBuilder, images, values
from tests.runtime.model_builder import CONV2D_DEFAULTS


def convolutions(share, *channels, kernel=(3, 3), filters=64):
    """Convolutions of several inputs. `share` of their weights are -1; equal depths share them."""
    b = GraphBuilder()
    weights = {}
    outputs = []
    for depth in channels:
        if depth not in weights:
            drawn = np.random.default_rng(3).random((filters, *kernel, depth)) < share
            weights[depth] = b.constant(pack_bits(drawn))
        output = b.result((-1, 4, 4, filters))
        ones, zeros = (
            b.constant(np.ones(filters, np.float32)),
            b.constant(np.zeros(filters, np.float32)),
        )
        options = {**CONV2D_DEFAULTS, "bits": 32, "channels_in": depth}
        b.custom(
            "KgnConv2D", [b.image(4, 4, depth), weights[depth], ones, zeros], [output], options
        )
        outputs.append(output)
    return b.finish(outputs)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_skewed_weights_are_compressed_and_others_are_not(share):
    content = Graph(convolutions(share, 64, 64, 96)).to_bytes()
    graph = Graph(content)
    entries = compress_kernels.run(graph)
    assert len(entries) == 2  # two ops share their weights
    assert [bool(entry.skipped) for entry in entries] == [share == 0.5, share == 0.5]
    for op in graph.ops:
        assert op.options["version"] == (1 if share == 0.5 else 2)
    inputs = [images(4, 4, n) for n in (64, 64, 96)]
    after = graph.to_bytes()
    assert (len(after) < len(content)) == (share != 0.5)
    for a, b in zip(values(after, *inputs), values(content, *inputs), strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_windows_stay():
    graph = Graph(convolutions(0.02, 64, kernel=(1, 3)))
    (entry,) = compress_kernels.run(graph)
    assert entry.skipped == "not 3x3" and "compression" not in graph.ops[0].options


def test_a_second_run_finds_nothing():
    graph = Graph(convolutions(0.02, 64))
    compress_kernels.run(graph)
    first = graph.to_bytes()
    (entry,) = compress_kernels.run(graph)
    assert entry.skipped and graph.to_bytes() == first
