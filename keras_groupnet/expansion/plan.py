"""What becomes of each layer of a model that is expanded, before anything is built."""

from __future__ import annotations

import collections
import dataclasses
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras

from keras_groupnet.deployment import multiply_accumulates
from keras_groupnet.deployment.calls import Call, record_calls
from keras_groupnet.deployment.describe import binary_deployment
from keras_groupnet.expansion.blocks import BlockFinder, FoundBlock
from keras_groupnet.expansion.build import build
from keras_groupnet.expansion.graph import Node
from keras_groupnet.expansion.groups import Partition, group_blocks
from keras_groupnet.expansion.keep import Keep, kept
from keras_groupnet.expansion.parts import NotLowBit, Part, part_of
from keras_groupnet.expansion.roles import gates
from keras_groupnet.expansion.site import Group, Place, Site, find_places
from keras_groupnet.expansion.table import ExpansionTable, LayerRow
from keras_groupnet.methods import Method
from keras_groupnet.structure.block_style import BlockStyle
from keras_groupnet.structure.groups import GroupStyle
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True)
class ExpansionPlan:
    """How a model becomes a low-bit network.

    Attributes:
        table: what becomes of each layer.
        blocks: those found in the model, in order; `partition` puts them into groups.
        groups: the blocks of each group; empty for methods without groups.
        site: the model, as `build` takes it.
    """

    table: ExpansionTable
    blocks: tuple[FoundBlock, ...]
    groups: tuple[tuple[FoundBlock, ...], ...]
    site: Site

    def build(self, seed: int = 0, noise: float = 0.5, name: str | None = None) -> keras.Model:
        """Builds the low-bit network, with the weights of the model; arguments as in `expand`."""
        return build(self.site, Scope(seed), noise, name)


def plan(
    model: keras.Model, method: Method, partition: Partition, keep: Keep | Iterable[Keep]
) -> ExpansionPlan:
    """Decides what becomes of each layer.

    Args:
        model: functional or Sequential.
        method: the target.
        partition: as in `groups.group_blocks`, or `"layerwise"`.
        keep: as in `keep.kept`.

    Raises:
        ValueError: if the model cannot be read, nothing can become low-bit, or the arguments do not
            fit the model.
    """
    places = find_places(model)
    reasons = kept(places, keep)
    calls = collections.Counter(
        id(node.operation) for place in places for node in place.graph.nodes
    )
    parts = []
    for place, own in zip(places, reasons, strict=True):
        found, refused = _low_bit(place, method, calls, own)
        parts.append(found)
        own |= refused
    if not any(parts):
        why = sorted({reason for own in reasons for reason in own.values()})
        raise ValueError(f"No layer of {model.name!r} can become a low-bit one: {why}")

    _warn_of_frozen(places, parts)

    grouped = isinstance(method, GroupStyle) and partition != "layerwise"
    finders: list[BlockFinder] = []
    for place, found in zip(places, parts, strict=True):
        runs = sum(finder.runs for finder in finders)
        finders.append(BlockFinder(place.graph, set(found), place.units, runs))
    blocks = [block for finder in finders for block in finder.blocks]
    groups = group_blocks(partition, blocks) if grouped else []
    styles: Sequence[Any] = [method]
    if isinstance(method, BlockStyle):
        styles = method.of_groups(len(groups) or 1)
    copies = styles[0].bases if isinstance(method, GroupStyle) and not grouped else None

    sites: dict[int, Site] = {}
    # From the inside out: a site knows those of the models inside of it.
    for place, own_parts, own_reasons, finder in reversed(
        list(zip(places, parts, reasons, finders, strict=True))
    ):
        own_groups = [
            Group(number, finder.nodes_between(group[0], group[-1]), style, style.bases)
            for number, (group, style) in enumerate(zip(groups, styles, strict=False), start=1)
            if group[0] in finder.blocks
        ]
        inside = {id(place.graph.nodes[index].operation) for index in place.units}
        units = {unit: sites[unit] for unit in inside}
        sites[id(place.model)] = Site(
            place, own_parts, own_reasons, own_groups, styles[0], copies, units
        )
    site = sites[id(model)]
    table = ExpansionTable(model.name, tuple(_rows(site, _operation_counts(model))))
    return ExpansionPlan(table, tuple(blocks), tuple(groups), site)


def _warn_of_frozen(places: Sequence[Place], parts: Sequence[Mapping[int, Part]]) -> None:
    """Tells of layers that the model does not train: low-bit ones are worth nothing untrained."""
    frozen = [
        node.name
        for place, found in zip(places, parts, strict=True)
        for node in place.graph.nodes
        if node.index in found and not node.operation.trainable
    ]
    if frozen:
        warnings.warn(
            f"{len(frozen)} low-bit layers, {frozen[0]!r} first, stay frozen: the model has them "
            "with trainable=False. Set trainable=True before you expand it, for they must learn",
            stacklevel=4,  # past plan_expansion and expand
        )


def _low_bit(
    place: Place,
    method: Method,
    calls: Mapping[int, int],
    stays: Mapping[int, str],
) -> tuple[dict[int, Part], dict[int, str]]:
    """The parts of the nodes that become low-bit, and why others with kernels do not."""
    found: dict[int, Part] = {}
    refused: dict[int, str] = {}
    attention = gates(place.graph)
    for node in place.with_kernels:
        if node.index in stays:
            continue
        if binary_deployment(node.operation) is not None:
            refused[node.index] = "low-bit already"
        elif node.index in attention:
            refused[node.index] = "attention branch: one position, and its values are multiplied"
        elif calls[id(node.operation)] > 1:
            refused[node.index] = (
                f"called {calls[id(node.operation)]} times; put what is shared into a model of its "
                "own and call that: it is expanded once"
            )
        else:
            try:
                found[node.index] = _part(node, method)
            except ValueError as error:
                refused[node.index] = str(error)
    return found, refused


def _part(node: Node, method: Method) -> Part:
    part = part_of(node.operation, node.name, len(node.inputs[0].shape))
    if len(node.inputs) != 1:
        raise NotLowBit(f"it reads {len(node.inputs)} tensors")
    if isinstance(method, BlockStyle):
        method.low_bit_layer(part.layer, Scope())  # methods refuse what they cannot make
    return part


def _rows(site: Site, counts: Mapping[int, int] | None) -> Iterator[LayerRow]:
    """One row for each layer with a kernel."""
    groups = {index: group for group in site.groups for index in group.nodes}
    seen: set[int] = set()
    for node in site.place.graph.nodes:
        operation = node.operation
        if id(operation) in seen:
            continue
        seen.add(id(operation))
        if id(operation) in site.units:
            yield from _rows(site.units[id(operation)], counts)
        elif node.index in site.parts or node.index in site.reasons:
            group = groups.get(node.index)
            style = group.style if group else site.style
            low_bit = node.index in site.parts
            outside = (site.copies or 1) if low_bit else 1
            yield LayerRow(
                node.name,
                type(operation).__name__,
                _macs(node, counts),
                group.number if group else None,
                f"W{style.weight_bits}A{style.activation_bits}" if low_bit else "float",
                group.bases if group else outside,
                site.reasons.get(node.index, ""),
            )


def _macs(node: Node, counts: Mapping[int, int] | None) -> int | None:
    """The node's share of those of the model's layer: its parts have as many positions each."""
    if counts is None:
        return None
    own, whole = (
        sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)
        for layer in (node.operation, node.part_of)
    )
    return counts.get(id(node.part_of), 0) * own // whole


def _operation_counts(model: keras.Model) -> dict[int, int] | None:
    """`id` of each layer -> its multiply-accumulates for one sample; None if sizes are unknown."""
    counts: collections.Counter[int] = collections.Counter()

    def count(call: Call) -> int:
        macs = sum(count(inner) for inner in call.inner)
        if isinstance(call.layer, keras.layers.Layer):
            own = multiply_accumulates(call.layer, call.input_shape, call.output_shape)
            macs += own // call.batch
        counts[id(call.layer)] += macs
        return macs

    try:
        for call in record_calls(model):
            count(call)
    except ValueError:
        return None
    return dict(counts)
