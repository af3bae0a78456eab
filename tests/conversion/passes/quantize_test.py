"""Fake quantizers as exporters write them."""

import numpy as np
import pytest

from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.passes import quantize
from tests.conversion.graphs import GraphBuilder, images, kinds, values
from tests.runtime.reference_ops import quantize as codes


@pytest.mark.parametrize("bits, scale", [(1, 1.0), (2, 2.0), (4, 3.0)])
@pytest.mark.parametrize("shape", [(40,), (5, 4, 40)], ids=str)
def test_a_fake_quantizer_splits_at_its_bits(bits, scale, shape):
    b = GraphBuilder()
    x = b.image(*shape)
    output = b.result(b.shape(x))
    b.custom("KgnFakeQuantize", [x], [output], {"version": 1, "bits": bits, "scale": scale})
    graph = Graph(b.finish([output]))
    assert quantize.run(graph) and kinds(graph) == ["KgnQuantize", "KgnDequantize"]
    x = images(*shape)
    expected = codes(x, bits, scale).astype(np.float32) * np.float32(1 / scale)
    np.testing.assert_array_equal(values(graph.to_bytes(), x)[0], expected)
    assert not quantize.run(graph)
