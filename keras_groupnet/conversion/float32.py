"""A Keras model → its float32 file: before int8 and compression."""

from __future__ import annotations

import keras

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.graph import Graph
from keras_groupnet.conversion.tracing import Traced, trace


def float32_graph(model: keras.Model, batch_size: int | None) -> tuple[Traced, Graph]:
    """Traces a model and runs the passes; raises what `trace` raises.

    Args:
        model: functional or Sequential, built; it is not changed.
        batch_size: None leaves the batch dynamic.
    """
    traced = trace(model, batch_size)
    graph = Graph(traced.content)
    graph.name_interface(traced.inputs, traced.outputs)
    passes.run(graph)
    return traced, graph
