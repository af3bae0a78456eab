"""The graphs of a model, and what becomes of their nodes."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.expansion.graph import Graph, Node, is_functional, read_graph
from keras_groupnet.expansion.parts import Part
from keras_groupnet.expansion.roles import ends, has_kernel


@dataclasses.dataclass(frozen=True)
class Place:
    """A model, or a model inside of it that is called several times.

    Attributes:
        model: functional.
        graph: its calls.
        is_first: whether no layer with a kernel comes before it.
        is_last: whether none comes behind it.
    """

    model: keras.Model
    graph: Graph
    is_first: bool = True
    is_last: bool = True

    @property
    def with_kernels(self) -> list[Node]:
        """The nodes of layers with kernels, but models."""
        return [
            node
            for node in self.graph.nodes
            if has_kernel(node.operation) and not is_functional(node.operation)
        ]

    @property
    def units(self) -> set[int]:
        """Indices of the nodes of models, which are places of their own."""
        return {node.index for node in self.graph.nodes if is_functional(node.operation)}


def find_places(model: keras.Model) -> list[Place]:
    """The places of a model: itself, then what is inside.

    Raises:
        ValueError: if the graph cannot be read.
    """
    places = [Place(model, read_graph(model))]
    for place in places:
        first, last = ends(place.graph)
        inside: dict[int, list[int]] = collections.defaultdict(list)
        for index in sorted(place.units):
            inside[id(place.graph.nodes[index].operation)].append(index)
        for indices in inside.values():
            unit = place.graph.nodes[indices[0]].operation
            if all(unit is not known.model for known in places):
                is_first = place.is_first and first >= set(indices)
                is_last = place.is_last and last >= set(indices)
                places.append(Place(unit, read_graph(unit), is_first, is_last))
    return places


@dataclasses.dataclass(frozen=True)
class Group:
    """Nodes that bases are copies of.

    Attributes:
        number: of the group, from 1.
        nodes: their indices, in order; the last one makes the output.
        style: of its low-bit layers.
        bases: K, how many copies there are.
    """

    number: int
    nodes: tuple[int, ...]
    style: Any
    bases: int


@dataclasses.dataclass(frozen=True)
class Site:
    """What becomes of a place.

    Attributes:
        place: a model.
        parts: indices of the nodes that become low-bit layers -> what they do.
        reasons: indices of the nodes with kernels that stay float -> why.
        groups: of bases, without nodes in common.
        style: of low-bit layers outside of groups.
        copies: K, of which each low-bit layer outside of groups is the sum; None for one layer.
        units: `id` of a model inside -> its site.
    """

    place: Place
    parts: dict[int, Part]
    reasons: dict[int, str]
    groups: Sequence[Group]
    style: Any
    copies: int | None
    units: dict[int, Site]
