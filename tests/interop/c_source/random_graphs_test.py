"""Random graphs of our ops and builtin ones: C gives the interpreter's bits."""

import numpy as np
import pytest

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.interop.c_source.to_c import to_c
from tests.conversion.graphs import values
from tests.conversion.random_graphs import RandomGraph
from tests.interop.c_source.compiled import Compiled


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_values_of_the_interpreter(seed, tmp_path):
    model = RandomGraph(seed)
    content, sample = model.content, [array[:1] for array in model.arrays]
    if seed % 2:
        graph = Graph(content)
        passes.run(graph)
        content = graph.to_bytes()
    found = Compiled(to_c(content), tmp_path)(*sample)
    for one, expected in zip(found, values(content, *sample), strict=True):
        np.testing.assert_array_equal(one.view(expected.dtype), expected.ravel())
