"""A network taken apart: a sequence of boxes, of groups of bases, and of other branches.

A node through which every path leads is a cut. Between a cut and the next one lie either nothing
or branches, which are taken apart likewise; what cannot be, is a `Tangle`. Only the weighted sum at
the end makes branches a group: no names are needed.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any

from keras_groupnet.drawing.network import HEAVY, INPUT, JOIN, LIGHT, SUM, Network, Node
from keras_groupnet.structure.scope import parent_name

# More layers than these are drawn one by one, not as one block.
_LARGEST_BLOCK = 8
# A sequence of more parts than these is folded where it repeats itself.
_LONG = 12
_LONGEST_PERIOD = 4


@dataclasses.dataclass(frozen=True)
class Box:
    """Nodes that are drawn as one box.

    Attributes:
        nodes: in order.
        skip: text of the join that a light path leads to, around the others; empty for none.
        shortcut: those of the nodes that are a shortcut around the others.
    """

    nodes: tuple[Node, ...]
    skip: str = ""
    shortcut: tuple[Node, ...] = ()

    @property
    def heavy(self) -> list[Node]:
        """The nodes with kernels."""
        return [node for node in self.nodes if node.kind in HEAVY]

    @property
    def title(self) -> str:
        """The name of the nodes, or what their names have in common."""
        named = self.heavy or [node for node in self.nodes if node.kind == INPUT]
        names = [parent_name(node.name) for node in named]
        if len(names) < 2:
            return names[0] if names else ""
        words = [re.split(r"(?<=[_/])", name) for name in names]
        common = []
        for column in zip(*words, strict=False):
            if len(set(column)) > 1:
                break
            common.append(column[0])
        shared = "".join(common)
        # What differs by numbers alone has no name in common: `dense_2`, `dense_3`.
        if all(re.fullmatch(r"\d*", name[len(shared) :]) for name in names):
            shared = ""
        return shared.strip("_/") or f"{names[0]} …"


@dataclasses.dataclass(frozen=True)
class Group:
    """K bases and their weighted sum.

    Attributes:
        head: what all bases read, such as batch norm and quantizer.
        shared: boxes of what the bases share besides, such as the shortcut of a block.
        bases: one sequence each.
        total: the sum.
    """

    head: tuple[Node, ...]
    shared: tuple[Box, ...]
    bases: tuple[Sequence_, ...]
    total: Node


@dataclasses.dataclass(frozen=True)
class Branches:
    """Sequences beside each other.

    Attributes:
        branches: one sequence each.
        join: what brings them together; None for several outputs.
        skip: whether a light path leads to the join as well.
    """

    branches: tuple[Sequence_, ...]
    join: Node | None
    skip: bool


@dataclasses.dataclass(frozen=True)
class Tangle:
    """Boxes that read each other in no simpler order.

    Attributes:
        boxes: what a box reads stands in front of it.
        edges: pairs of places in `boxes`.
    """

    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Repeat:
    """A sequence that stands several times behind itself; drawn is the first."""

    parts: Sequence_
    count: int


Part = Box | Group | Branches | Tangle | Repeat
Sequence_ = tuple[Part, ...]


def take_apart(network: Network) -> Sequence_:
    """The parts of a network, in order."""
    return _Taker(network).sequence(network.nodes)


def boxes_of(parts: Iterable[Part]) -> list[Box]:
    """All boxes of some parts; those of a repeated sequence once."""
    found: list[Box] = []
    for part in parts:
        if isinstance(part, Box):
            found.append(part)
        elif isinstance(part, Tangle):
            found += part.boxes
        elif isinstance(part, Repeat):
            found += boxes_of(part.parts)
        elif isinstance(part, Group):
            found += [*part.shared, *boxes_of(x for base in part.bases for x in base)]
        else:
            found += boxes_of(x for branch in part.branches for x in branch)
            found += [Box((part.join,))] if part.join and part.join.kind in HEAVY else []
    return found


class _Taker:
    def __init__(self, network: Network):
        self._network = network
        self._place = {node: place for place, node in enumerate(network.nodes)}

    def sequence(self, nodes: Sequence[Node]) -> Sequence_:
        """Takes nodes apart that are in order; what they read from others comes from in front."""
        parts: list[Part] = []
        inside: list[Node] = []
        cuts = self._cuts(nodes)
        for node in nodes:
            if node not in cuts:
                inside.append(node)
                continue
            if inside:
                self._append_region(parts, inside, node)
            else:
                _append_node(parts, node)
            inside = []
        if inside:
            self._append_region(parts, inside, None)
        return _folded(tuple(parts))

    def _cuts(self, nodes: Sequence[Node]) -> set[Node]:
        """The nodes that no edge leads past, in this order: that is, no path."""
        place = {node: number for number, node in enumerate(nodes)}
        change = [0] * (len(nodes) + 2)

        def lead_past(source: int, target: int) -> None:
            change[source + 1] += 1
            change[target] -= 1

        for number, node in enumerate(nodes):
            for source in [place.get(read, -1) for read in node.reads] or [-1]:
                lead_past(source, number)
            readers = self._network.readers(node)
            if not readers or any(reader not in place for reader in readers):
                lead_past(number, len(nodes))
        cuts, past = set(), 0
        for number, node in enumerate(nodes):
            past += change[number]
            if not past:
                cuts.add(node)
        return cuts

    def _append_region(self, parts: list[Part], inside: list[Node], join: Node | None) -> None:
        """Appends what lies between two cuts, and the second cut."""
        if join is not None and join.kind == SUM:
            head: tuple[Node, ...] = ()
            if parts and isinstance(parts[-1], Box) and _only(parts[-1].nodes, LIGHT):
                head = parts.pop().nodes  # type: ignore[union-attr]
            parts.append(self._group(head, inside, join))
            return
        components = self._components(inside)
        weighted = [one for one in components if not _only(one, LIGHT, JOIN)]
        light = [node for one in components if one not in weighted for node in one]
        if join is None and len(components) == 1:
            parts.append(self._tangle(inside))
            return
        direct = join is not None and any(read not in inside for read in join.reads)
        if join is not None and not weighted:
            for node in (*inside, join):
                _append_node(parts, dataclasses.replace(node, kind=LIGHT))
            return
        if join is not None and join.kind == JOIN and not any(n.kind == SUM for n in inside):
            layers = [node for node in inside if node.kind in HEAVY]
            skip = direct or bool(light)
            if len(weighted) == 1 and join.text == "×" and not direct:
                parts += self.sequence(weighted[0])
                _append_node(parts, dataclasses.replace(join, kind=LIGHT))
                return
            residual = len(weighted) == 1 and skip or len(weighted) == 2 and join.text == "+"
            simple = not any(node.text == "concat" for node in inside)
            if residual and simple and len(layers) <= _LARGEST_BLOCK:
                _append_box(parts, self._block(weighted, light, join))
                return
        branches = tuple(self.sequence(one) for one in weighted)
        parts.append(Branches(branches, join, direct or bool(light)))

    def _block(self, weighted: list[list[Node]], light: list[Node], join: Node) -> Box:
        """One box for all layers of a residual block; the shorter path is the shortcut."""
        shortcut: list[Node] = []
        if len(weighted) == 2:
            shortcut = min(weighted, key=_size)
        nodes = [node for one in weighted if one is not shortcut for node in one]
        return Box((*nodes, *shortcut, *light, join), join.text, tuple(shortcut))

    def _group(self, head: tuple[Node, ...], inside: list[Node], total: Node) -> Group:
        """What only one base has a part in is its own; the rest is shared."""
        members = set(inside)
        counts: dict[Node, int] = {}
        ancestors = []
        for end in total.reads:
            seen: set[Node] = set()
            waiting = [end]
            while waiting:
                node = waiting.pop()
                if node in members and node not in seen:
                    seen.add(node)
                    waiting += node.reads
            ancestors.append(seen)
            for node in seen:
                counts[node] = counts.get(node, 0) + 1
        own = [[n for n in inside if n in seen and counts[n] == 1] for seen in ancestors]
        shared = [node for node in inside if counts.get(node) != 1]
        light: list[Node] = []
        boxes: list[Part] = []
        for node in shared:
            if node.kind in HEAVY or boxes:
                _append_node(boxes, node)
            else:
                light.append(node)
        return Group(
            (*head, *light),
            tuple(box for box in boxes if isinstance(box, Box)),
            tuple(self.sequence(nodes) for nodes in own),
            total,
        )

    def _tangle(self, nodes: list[Node]) -> Tangle:
        """Boxes of a layer each, with the light nodes that alone follow it."""
        boxes: list[list[Node]] = []
        where: dict[Node, int] = {}
        for node in nodes:
            reads = [read for read in node.reads if read in where]
            follows = (
                node.kind == LIGHT
                and len(reads) == len(node.reads) == 1
                and len(self._network.readers(reads[0])) == 1
            )
            if follows:
                where[node] = where[reads[0]]
                boxes[where[node]].append(node)
            else:
                where[node] = len(boxes)
                boxes.append([node])
        edges = {
            (where[read], where[node])
            for node in nodes
            for read in node.reads
            if read in where and where[read] != where[node]
        }
        return Tangle(tuple(Box(tuple(box)) for box in boxes), tuple(sorted(edges)))

    def _components(self, nodes: list[Node]) -> list[list[Node]]:
        """The nodes by what they are connected with, in order."""
        members = {node: {node} for node in nodes}
        for node in nodes:
            for read in node.reads:
                if read in members and members[read] is not members[node]:
                    joined = members[read] | members[node]
                    for one in joined:
                        members[one] = joined
        found = {id(group): group for group in members.values()}.values()
        components = [[node for node in nodes if node in group] for group in found]
        return sorted(components, key=lambda one: self._place[one[0]])


def _append_node(parts: list[Part], node: Node) -> None:
    """Puts light nodes into the box in front of them, all others into one of their own."""
    last = parts[-1] if parts else None
    fits = isinstance(last, Box) and not last.skip and last.nodes[0].kind != INPUT
    if node.kind in (LIGHT, JOIN) and fits:
        parts[-1] = Box((*last.nodes, node))  # type: ignore[union-attr]
    else:
        _append_box(parts, Box((node,)))


def _append_box(parts: list[Part], box: Box) -> None:
    """Appends a box; light nodes that stand alone in front of it join it."""
    last = parts[-1] if parts else None
    if isinstance(last, Box) and _only(last.nodes, LIGHT, JOIN) and not last.skip:
        parts.pop()
        box = dataclasses.replace(box, nodes=(*last.nodes, *box.nodes))
    parts.append(box)


def _size(branch: list[Node]) -> tuple[int, bool, int]:
    """By which the shortcut is told from what it leads around: layers, taps, all nodes."""
    heavy = [node for node in branch if node.kind in HEAVY]
    return len(heavy), not any(" 1×1," in node.text for node in heavy), len(branch)


def _only(nodes: Iterable[Node], *kinds: str) -> bool:
    return all(node.kind in kinds for node in nodes)


def _folded(parts: Sequence_) -> Sequence_:
    """A long sequence with what stands several times behind itself only once."""
    if len(parts) <= _LONG:
        return parts
    looks = [_look(part) for part in parts]
    folded: list[Part] = []
    at = 0
    while at < len(parts):
        best, period = 1, 1
        for length in range(1, _LONGEST_PERIOD + 1):
            count = 1
            while (
                looks[at : at + length]
                == looks[at + count * length : at + (count + 1) * length]
                != []
            ):
                count += 1
            if count > 1 and count * length > best * period:
                best, period = count, length
        if best > 1:
            folded.append(Repeat(parts[at : at + period], best))
        else:
            folded.append(parts[at])
        at += best * period
    return tuple(folded)


def _look(value: Any) -> Any:
    """What a part looks like, without names."""
    if isinstance(value, Node):
        return value.text, value.kind, value.bits, value.shape
    if isinstance(value, tuple):
        return tuple(map(_look, value))
    if isinstance(value, Part):
        fields = (getattr(value, field.name) for field in dataclasses.fields(value))
        return type(value).__name__, *map(_look, fields)
    return value
