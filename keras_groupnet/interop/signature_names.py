"""What a file calls its inputs and outputs."""

from __future__ import annotations

from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.runtime.signature import OUTPUT_MARK


def signature_names(graph: Graph, side: str) -> list[str]:
    """The names in a file's signature, or those of the tensors if it has none.

    Args:
        graph: of the file.
        side: `"inputs"` or `"outputs"`.
    """
    names: dict[int, str] = {}
    for signature in graph.model.signatureDefs or []:
        for entry in getattr(signature, side) or []:
            names.setdefault(entry.tensorIndex, entry.name.decode())
    return [
        names.get(tensor, graph.name(tensor).removeprefix(OUTPUT_MARK))
        for tensor in getattr(graph, side)
    ]
