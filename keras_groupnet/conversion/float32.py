"""A Keras model → its float32 file: before int8 and compression."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.checks.probe import allocate_as
from keras_groupnet.conversion.export.tracing import Traced, trace
from keras_groupnet.conversion.flatbuffer.graph import Graph


def float32_graph(
    model: keras.Model, batch_size: int | None, inputs: Sequence[np.ndarray]
) -> tuple[Traced, Graph]:
    """Traces a model and runs the passes; raises what `trace` raises.

    Args:
        model: functional or Sequential, built; it is not changed.
        batch_size: None leaves the batch dynamic.
        inputs: in the model's order; runtimes begin with their sizes where the model's are open.
    """
    traced = trace(model, batch_size)
    graph = Graph(traced.content)
    graph.name_interface(traced.inputs, traced.outputs)
    passes.run(graph)
    allocate_as(graph, inputs)
    return traced, graph
