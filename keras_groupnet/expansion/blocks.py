"""The blocks of any network: what bases are copies of."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras

from keras_groupnet.expansion.graph import Graph
from keras_groupnet.expansion.regions import Region, Regions
from keras_groupnet.expansion.roles import NORMALIZATIONS, is_activation

# A region with a longer way from layer to layer is a network of its own (a U-Net, all cells of
# NASNet) rather than a block; blocks are then looked for inside. The deepest blocks in use, those
# of Inception and EfficientNet, have five.
DEEPEST_BLOCK = 8
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)


@dataclasses.dataclass(frozen=True)
class FoundBlock:
    """A part of the graph with a single entry and a single exit.

    Attributes:
        name: of its first low-bit layer.
        layers: names of its low-bit layers.
        run: number of the chain of blocks that it belongs to; groups hold blocks of one run only.
        start: position of its first region among those of the run.
        stop: position behind its last one.
    """

    name: str
    layers: tuple[str, ...]
    run: int
    start: int
    stop: int


class BlockFinder:
    """Finds the blocks of a graph.

    Residual and dense blocks and Inception modules, that is, branches from one node to another, are
    one block each. In a plain chain of layers, each layer is a block with the normalization behind
    it; a depthwise convolution and the layer behind it are one block.

    Args:
        graph: of a model.
        low_bit: indices of the nodes that become low-bit layers.
        apart: indices of nodes that are in no block.
        first_run: number of the first run.

    Attributes:
        blocks: in the order of the graph.
    """

    def __init__(self, graph: Graph, low_bit: set[int], apart: set[int], first_run: int = 0):
        self._graph = graph
        self._low_bit = low_bit
        self._apart = apart
        self._first_run = first_run
        self._split = {
            tensor.node for node in graph.nodes for tensor in node.inputs if tensor.output
        }
        self._regions = Regions(graph)
        self._runs: list[list[Region]] = []
        self.blocks: list[FoundBlock] = []
        self._chain(self._regions.whole(), branch=False)
        self.blocks.sort(key=lambda block: (self._regions_of(block)[0].exit, block.start))

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self._runs)

    def nodes_between(self, first: FoundBlock, last: FoundBlock) -> tuple[int, ...]:
        """Indices of the nodes from one block to another of its run, in order."""
        regions = self._regions_of(first)[first.start : last.stop]
        return tuple(index for region in regions for index in region.inside)

    def _regions_of(self, block: FoundBlock) -> list[Region]:
        return self._runs[block.run - self._first_run]

    def _chain(self, regions: Sequence[Region], branch: bool) -> None:
        """Finds the blocks of a chain and of what lies between its nodes.

        Args:
            regions: one behind the other.
            branch: whether the chain is a branch inside of a region that is too large for a block.
                Branches are one block if they are not too large themselves.
        """
        pieces: list[list[Region]] = [[]]
        for region in regions:
            if region.branches and not self._fits(region):
                pieces.append([])
                inner_branch = 0 <= region.entry and region.exit < len(self._graph.nodes)
                for first, chain in self._regions.chains_inside(region):
                    inputs = {tensor.node for tensor in self._graph.nodes[first].inputs}
                    if len(inputs) == 1:
                        chain = [Region(inputs.pop(), first, (first,)), *chain]
                    if chain:
                        self._chain(chain, inner_branch)
            else:
                pieces[-1].append(region)
        for piece in pieces:
            spans = self._spans(piece)
            if spans:
                if branch and self._depth(piece) <= DEEPEST_BLOCK:
                    spans = [(spans[0][0], spans[-1][1])]
                self._add_run(piece, spans)

    def _fits(self, region: Region) -> bool:
        """Whether branches are at most one block."""
        if not self._low_bit & set(region.inside):
            return not self._apart & set(region.inside)
        virtual = region.entry < 0 or region.exit >= len(self._graph.nodes)
        return not (
            virtual
            or region.exit in self._split
            or self._apart & set(region.inside)
            or self._depth([region]) > DEEPEST_BLOCK
        )

    def _spans(self, regions: Sequence[Region]) -> list[tuple[int, int]]:
        """The blocks of a chain, as first position and position behind the last."""
        spans: list[tuple[int, int]] = []
        growing = False  # only activations since the end of the last block
        depthwise = False  # the last block ends in a depthwise convolution and what has no kernel
        for position, region in enumerate(regions):
            operation = None if region.branches else self._operation(region.exit)
            if self._low_bit & set(region.inside):
                is_depthwise = isinstance(operation, _DEPTHWISE)
                if depthwise and not region.branches and not is_depthwise:
                    spans[-1] = (spans[-1][0], position + 1)
                else:
                    spans.append((position, position + 1))
                growing, depthwise = not region.branches, is_depthwise
            elif region.branches:
                growing = depthwise = False
            elif growing and isinstance(operation, NORMALIZATIONS):
                spans[-1] = (spans[-1][0], position + 1)
            elif not is_activation(operation):
                growing = False
        return spans

    def _operation(self, index: int):
        nodes = self._graph.nodes
        return nodes[index].operation if index < len(nodes) else None

    def _depth(self, regions: Sequence[Region]) -> int:
        """The most low-bit layers on any way through the regions."""
        depth: dict[int, int] = {}
        for index in (index for region in regions for index in region.inside):
            before = (depth.get(tensor.node, 0) for tensor in self._graph.nodes[index].inputs)
            depth[index] = max(before, default=0) + (index in self._low_bit)
        return max(depth.values(), default=0)

    def _add_run(self, regions: list[Region], spans: Sequence[tuple[int, int]]) -> None:
        run = self._first_run + len(self._runs)
        self._runs.append(regions)
        for start, stop in spans:
            nodes = tuple(index for region in regions[start:stop] for index in region.inside)
            layers = tuple(
                self._graph.nodes[index].name for index in nodes if index in self._low_bit
            )
            self.blocks.append(FoundBlock(layers[0], layers, run, start, stop))
