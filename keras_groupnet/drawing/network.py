"""A network as nodes that read each other: what a drawing knows of a Keras model or of a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

INPUT, FLOAT, BINARY, LIGHT, JOIN, SUM = "input", "float", "binary", "light", "join", "sum"
HEAVY = (FLOAT, BINARY)


@dataclasses.dataclass(frozen=True, eq=False)
class Node:
    """One call of a layer, or one op of a file.

    Attributes:
        name: of the layer or op.
        text: what it is, in a few characters: `"conv 3×3, 64"`.
        kind: `INPUT`; `FLOAT` or `BINARY` for what has kernels; `JOIN` for what brings several
            tensors together; `SUM` for the weighted sum of a group; `LIGHT` for all others.
        bits: such as `"W1A1"` or `"float"`; empty for nodes without kernels.
        shape: of what it gives, without the batch; None for extents that are not known.
        reads: the nodes whose results it reads, each once, in order.
    """

    name: str
    text: str
    kind: str
    bits: str = ""
    shape: tuple[int | None, ...] = ()
    reads: tuple[Node, ...] = ()


class Network:
    """Nodes in an order in which they can be computed.

    Args:
        name: of the model or file.
        nodes: what a node reads stands in front of it.
    """

    def __init__(self, name: str, nodes: Sequence[Node]):
        self.name = name
        self.nodes = tuple(nodes)
        self._readers: dict[Node, list[Node]] = {node: [] for node in nodes}
        for node in nodes:
            for read in node.reads:
                self._readers[read].append(node)

    def readers(self, node: Node) -> list[Node]:
        """The nodes that read a node's result; none for an output of the network."""
        return self._readers[node]


def shape_text(shape: Sequence[int | None]) -> str:
    """`"56×56×64"`; `"?"` for extents that are not known."""
    return "×".join("?" if extent is None else str(extent) for extent in shape)
