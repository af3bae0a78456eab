"""All passes on random graphs: the values stay, bit for bit."""

import numpy as np
import pytest

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.flatbuffer.graph import Graph
from tests.conversion.graphs import kinds, values
from tests.conversion.random_graphs import RandomGraph


@pytest.mark.parametrize("seed", range(0, 400, 50))
def test_values_stay(seed):
    folded = 0
    for each in range(seed, seed + 50):
        model = RandomGraph(each)
        content, inputs = model.content, model.arrays
        graph = Graph(content)
        before = kinds(graph)
        passes.run(graph)
        folded += kinds(graph) != before
        after = graph.to_bytes()
        for a, e in zip(values(after, *inputs), values(content, *inputs), strict=True):
            np.testing.assert_array_equal(a, e, err_msg=f"RandomGraph({each}): {graph.ops}")
    assert folded > 25
