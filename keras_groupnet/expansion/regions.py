"""Regions of a graph that are entered and left at one place: what blocks can be.

A region (a, b) holds what lies on the ways from node a to node b, with b and without a. It has a
single entry and a single exit if a dominates b (each way from the inputs to b leads over a) and b
postdominates a (each way from a to the outputs leads over b). All nodes that dominate and
postdominate each other in this way form a chain; between two neighbors of a chain there is either
nothing, or branches that begin at one and meet at the other: a residual block, a dense block, an
Inception module. What lies in there has chains of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from keras_groupnet.expansion.graph import Graph


@dataclasses.dataclass(frozen=True)
class Region:
    """What lies on the ways from one node to another.

    Attributes:
        entry: index of a; -1 stands in front of all inputs.
        exit: index of b; the number of nodes stands behind all outputs.
        inside: indices of its nodes, b among them, in order.
    """

    entry: int
    exit: int
    inside: tuple[int, ...]

    @property
    def branches(self) -> tuple[int, ...]:
        """What lies between a and b; empty if b follows a at once."""
        return tuple(index for index in self.inside if index != self.exit)


class Regions:
    """The chains of a graph."""

    def __init__(self, graph: Graph):
        self._size = len(graph.nodes)
        # Nodes as bits, shifted by one: bit 0 stands in front of all inputs, the last bit behind
        # all outputs. One pass finds the dominators: there are no cycles.
        before: list[list[int]] = [[]]
        after: list[list[int]] = [[]]
        for node in graph.nodes:
            before.append([tensor.node + 1 for tensor in node.inputs] or [0])
            after.append([reader + 1 for reader in graph.readers[node.index]])
        last = self._size + 1
        outputs = sorted(index + 1 for index in graph.output_nodes)
        before.append(outputs)
        for index in outputs:
            after[index].append(last)
        after[0] = [node.index + 1 for node in graph.nodes if not node.inputs]
        after.append([])
        for index in range(last):  # what is not read leads nowhere
            after[index] = after[index] or [last]
        self._dominators = _closed(range(last + 1), before)
        self._postdominators = _closed(range(last, -1, -1), after)

    def chain(self, first: int) -> list[Region]:
        """The regions between the nodes of the chain from a node on, one behind the other."""
        regions: list[Region] = []
        index = first + 1
        while True:
            later = self._postdominators[index] & ~(1 << index)
            if not later:
                return regions
            following = (later & -later).bit_length() - 1  # the nearest one
            if not self._dominators[following] >> index & 1:
                return regions
            regions.append(self._region(index, following))
            index = following

    def whole(self) -> list[Region]:
        """The outermost chain, from the front of all inputs to the end of all outputs."""
        return self.chain(-1)

    def chains_inside(self, region: Region) -> Iterator[tuple[int, list[Region]]]:
        """The first nodes and the regions of the outermost chains between entry and exit."""
        seen: set[int] = set()
        for first in region.branches:
            if first not in seen:
                chain = self.chain(first)
                seen.add(first)
                seen.update(index for part in chain for index in part.inside)
                yield first, chain

    def _region(self, entry: int, exit_: int) -> Region:
        inside = tuple(
            index - 1
            for index in range(entry + 1, exit_ + 1)
            if self._dominators[index] >> entry & 1 and self._postdominators[index] >> exit_ & 1
        )
        return Region(entry - 1, exit_ - 1, tuple(i for i in inside if i < self._size))


def _closed(order: Iterable[int], neighbors: list[list[int]]) -> list[int]:
    """For each node, as bits: itself, and what all its neighbors have in common."""
    found: dict[int, int] = {}
    for index in order:
        common = -1
        for neighbor in neighbors[index]:
            common &= found[neighbor]
        found[index] = (common if neighbors[index] else 0) | 1 << index
    return [found[index] for index in range(len(found))]
