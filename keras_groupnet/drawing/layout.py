"""Where the parts of a network go: shapes at coordinates, in points, y downwards.

Each function lays out a part by itself; its tensor comes in at the left and goes out at the right,
both at the height `axis`. A sequence stands in a row; the outermost one is broken into rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from keras_groupnet.drawing.network import BINARY, FLOAT, INPUT, Network, Node, shape_text
from keras_groupnet.drawing.parts import (
    Box,
    Branches,
    Group,
    Part,
    Repeat,
    Sequence_,
    Tangle,
    take_apart,
)
from keras_groupnet.drawing.shapes import Circle, Layout, Line, Rectangle, Shape, Text

# Sizes in points.
_TITLE, _TEXT, _SMALL = 7.5, 7.0, 5.5
_LINE = 9.5
_PADDING = 5.0
_GAP = 15.0
_STACK = 9.0
_SUM = 8.0
_ARC = 9.0
_MARGIN = 10.0
_ROW_WIDTH = 900.0
_ROW_GAP = 26.0
# A little more than DejaVu Sans takes on average, in units of the font size; capitals and signs are
# wider, and so is the bold face of titles.
_CHARACTER, _WIDER, _BOLD = 0.62, 0.14, 1.12
_WIDE = "×+λΣ%mMwW"
_WIDEST_LINE = 27
_COLUMNS_OF_TANGLE = 8


def lay_out(network: Network) -> Layout:
    """The picture of a network."""
    rows = _rows(take_apart(network), _ROW_WIDTH)
    legend = _legend(network)
    width = max(*(row.width for row in rows), legend.width)
    shapes: list[Shape] = []
    y = _MARGIN + _TITLE + 4
    shapes.append(Text(_MARGIN, y - 4, network.name, _TITLE + 2, "title"))
    shapes += legend.moved(_MARGIN + _width(network.name, _TITLE + 2) + 20, y - 12)
    width = max(width, _width(network.name, _TITLE + 2) + 20 + legend.width)
    y += 12
    end = None
    for row in rows:
        shapes += row.moved(_MARGIN, y)
        axis = y + row.axis
        if end is not None:
            x, height = end
            between = y - _ROW_GAP / 2
            turn = x + _MARGIN / 2
            left = _MARGIN / 2
            points = ((x, height), (turn, height), (turn, between), (left, between))
            shapes.append(Line((*points, (left, axis), (_MARGIN, axis)), arrow=True))
        end = (_MARGIN + row.width, axis)
        y += row.height + _ROW_GAP
    return Layout(width + 2 * _MARGIN, y - _ROW_GAP + _MARGIN, 0.0, tuple(shapes))


def _rows(parts: Sequence_, limit: float) -> list[Layout]:
    laid = [_part(part) for part in parts]
    limit = max(limit, *(one.width for one in laid))
    rows: list[list[int]] = [[]]
    width = 0.0
    for number, one in enumerate(laid):
        if rows[-1] and width + _gap(parts[number - 1]) + one.width > limit:
            rows.append([])
            width = 0.0
        width += one.width + (_gap(parts[number - 1]) if rows[-1] else 0)
        rows[-1].append(number)
    return [_row([parts[i] for i in row], [laid[i] for i in row]) for row in rows]


def _row(parts: Sequence[Part], laid: Sequence[Layout]) -> Layout:
    """Layouts in a row, with arrows between them that tell what goes along them."""
    axis = max((one.axis for one in laid), default=_LINE)
    below = max((one.height - one.axis for one in laid), default=_LINE)
    shapes: list[Shape] = []
    x = 0.0
    for number, one in enumerate(laid):
        if number:
            gap = _gap(parts[number - 1])
            shapes.append(Line(((x, axis), (x + gap, axis)), arrow=True))
            text = _label(parts[number - 1])
            shapes.append(Text(x + gap / 2 - 1, axis - 3, text, _SMALL, "shape", "middle"))
            x += gap
        shapes += one.moved(x, axis - one.axis)
        x += one.width
    return Layout(x, axis + below, axis, tuple(shapes))


def _part(part: Part) -> Layout:
    if isinstance(part, Box):
        return _box(part)
    if isinstance(part, Group):
        return _group(part)
    if isinstance(part, Branches):
        return _branches(part)
    if isinstance(part, Tangle):
        return _tangle(part)
    return _repeat(part)


def _sequence(parts: Sequence_) -> Layout:
    return _row(parts, [_part(part) for part in parts])


def _box(part: Box) -> Layout:
    lines = _lines(part)
    width = max(_width(text, size) for text, size, _ in lines) + 2 * _PADDING
    width = max(width, _width(part.skip, _SMALL) + _PADDING)
    height = _LINE * len(lines) + 2 * _PADDING - 2
    top = _ARC if part.skip else 0.0
    side = 5.0 if part.skip else 0.0
    axis = top + height / 2
    shapes: list[Shape] = []
    if part.skip:
        shapes += _arc(0, width + 2 * side, axis, 2.0, part.skip)
        shapes.append(Line(((0, axis), (side, axis))))
        shapes.append(Line(((side + width, axis), (2 * side + width, axis))))
    shapes.append(Rectangle(side, top, width, height, _look(part)))
    y = top + _PADDING - 2
    for text, size, look in lines:
        y += _LINE
        shapes.append(Text(side + _PADDING, y - 2, text, size, look))
    return Layout(width + 2 * side, top + height, axis, tuple(shapes))


def _lines(part: Box) -> list[tuple[str, float, str]]:
    """Text, size and look of what is written into a box."""
    heavy = part.heavy
    lines = [(part.title, _TITLE, "title")] if part.title else []
    for node in heavy:
        bits = f"  {node.bits}" if node.bits != "float" else ""
        around = "shortcut " if node in part.shortcut else ""
        lines.append((f"{around}{node.text}{bits}", _TEXT, "text"))
    if part.nodes[0].kind == INPUT:
        lines.append((shape_text(part.nodes[0].shape), _TEXT, "text"))
    elif len(heavy) < 2:
        light = [node.text for node in part.nodes if node not in heavy]
        if part.skip and light and light[-1] == part.skip:
            light.pop()
        lines += [(text, _SMALL + 0.5, "light") for text in _wrapped(light)]
    return lines or [("", _TEXT, "text")]


def _wrapped(words: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for word, same in itertools.groupby(words):
        count = len(list(same))
        text = word if count == 1 else f"{word} ×{count}"
        if lines and len(lines[-1]) + 3 + len(text) <= _WIDEST_LINE:
            lines[-1] += f" · {text}"
        else:
            lines.append(text)
    return lines


def _look(part: Box) -> str:
    if part.nodes[0].kind == INPUT:
        return INPUT
    kinds = {node.kind for node in part.heavy if node not in part.shortcut}
    return "mixed" if len(kinds) > 1 else next(iter(kinds), "other")


def _group(part: Group) -> Layout:
    """Head, a fork, the bases below each other, their sum; what they share at the bottom."""
    bases = [_sequence(base) for base in part.bases]
    head = _box(Box(part.head)) if part.head else None
    shared = _row(part.shared, [_box(box) for box in part.shared]) if part.shared else None
    pad, title = 6.0, 10.0
    shapes: list[Shape] = []
    inner = max([base.width for base in bases] + ([shared.width] if shared else []))
    stack = sum(base.height for base in bases) + _STACK * (len(bases) - 1)
    fork = pad + ((head.width + 8) if head else 4)
    left = fork + 10
    right = left + inner + 14
    total = right + _SUM + 8
    y = title
    axes = []
    for base in bases:
        axes.append(y + base.axis)
        y += base.height + _STACK
    axis = (axes[0] + axes[-1]) / 2
    bottom = title + stack
    if head is not None:
        bottom = max(bottom, axis + head.height / 2)
        shapes.append(Line(((0, axis), (pad, axis)), arrow=True))
        shapes += head.moved(pad, axis - head.axis)
    shapes.append(Line(((pad + head.width if head else 0, axis), (fork, axis))))
    shapes.append(Line(((fork, axes[0]), (fork, axes[-1]))))
    if shared is not None:
        at = bottom + _STACK + 6
        line = at + shared.axis
        points = ((fork, axes[-1]), (fork, line), (left, line))
        shapes.append(Line(points, "skip", arrow=True))
        shapes += shared.moved(left, at)
        note = Text(left, at - 2, "shared by the bases, added in each", _SMALL, "shape")
        shapes.append(note)
        bottom = at + shared.height
    for number, (base, height) in enumerate(zip(bases, axes, strict=True), start=1):
        shapes.append(Line(((fork, height), (left, height)), arrow=True))
        shapes += base.moved(left, height - base.axis)
        end = left + base.width
        target = (total, axis)
        shapes.append(Line(((end, height), (right - 2, height), target)))
        shapes.append(Text(right - 3, height - 3, f"λ{_subscript(number)}", _TEXT, "text", "end"))
    shapes.append(Circle(total, axis, _SUM, "Σ"))
    width = total + _SUM + pad
    shapes.append(Line(((total + _SUM, axis), (width, axis))))
    height = bottom + pad
    name = Text(pad, 8, f"{len(bases)} bases", _SMALL + 0.5, "light")
    panel = Rectangle(0, 0, width, height, "panel")
    return Layout(width, height, axis, (panel, name, *shapes))


def _branches(part: Branches) -> Layout:
    branches = [_sequence(branch) for branch in part.branches]
    inner = max(branch.width for branch in branches)
    top = _ARC + 3 if part.skip else 0.0
    alone = len(branches) == 1
    left = 8.0 if alone else 16.0
    right = left + inner + (6 if alone else 10)
    shapes: list[Shape] = []
    y, axes = top, []
    for branch in branches:
        axes.append(y + branch.axis)
        y += branch.height + _STACK
    height = y - _STACK
    axis = (axes[0] + axes[-1]) / 2
    starts = any(one.nodes[0].kind == INPUT for one in _first_boxes(part.branches))
    for branch, at in zip(branches, axes, strict=True):
        if not starts:
            shapes.append(
                Line(((0, axis), (left - 12, axis), (left - 8, at), (left, at)), arrow=True)
            )
        shapes += branch.moved(left, at - branch.axis)
    if part.join is None:
        return Layout(left + inner, height, axis, tuple(shapes))
    join = _join(part.join)
    for branch, at in zip(branches, axes, strict=True):
        shapes.append(Line(((left + branch.width, at), (right - 4, at), (right + 4, axis))))
    shapes.append(Line(((right + 4, axis), (right + 10, axis)), arrow=True))
    shapes += join.moved(right + 10, axis - join.axis)
    shift = max(0.0, join.axis - axis)
    width = right + 10 + join.width
    if part.skip:
        shapes += _arc(0, right + 10 + join.width / 2, axis, 2.0, "", above=join.axis)
    laid = Layout(width, max(height, axis + join.height - join.axis), axis, tuple(shapes))
    if not shift:
        return laid
    return Layout(width, laid.height + shift, axis + shift, laid.moved(0, shift))


def _first_boxes(branches: Sequence[Sequence_]) -> list[Box]:
    return [branch[0] for branch in branches if branch and isinstance(branch[0], Box)]


def _join(node: Node) -> Layout:
    if node.kind in (FLOAT, BINARY):
        return _box(Box((node,)))
    if len(node.text) == 1:
        circle = Circle(_SUM, _SUM, _SUM, node.text)
        return Layout(2 * _SUM, 2 * _SUM, _SUM, (circle,))
    width = _width(node.text, _TEXT) + 8
    text = Text(width / 2, 12, node.text, _TEXT, "text", "middle")
    return Layout(width, 18, 9, (Rectangle(0, 0, width, 18, "other"), text))


def _tangle(part: Tangle) -> Layout:
    """Boxes in columns by how much stands in front of them; long ones in several rows."""
    depth = [0] * len(part.boxes)
    for source, target in part.edges:
        depth[target] = max(depth[target], depth[source] + 1)
    laid = [_box(box) for box in part.boxes]
    columns: dict[int, list[int]] = {}
    for number, column in enumerate(depth):
        columns.setdefault(column, []).append(number)
    per_row = _COLUMNS_OF_TANGLE
    shapes: list[Shape] = []
    place: dict[int, tuple[float, float]] = {}
    y, width = 0.0, 0.0
    for start in range(0, len(columns), per_row):
        row = [columns[i] for i in range(start, min(start + per_row, len(columns)))]
        heights = [sum(laid[i].height + _STACK for i in column) for column in row]
        x = 0.0
        for members, height in zip(row, heights, strict=True):
            at = y + (max(heights) - height) / 2
            for i in members:
                place[i] = (x, at)
                at += laid[i].height + _STACK
            x += max(laid[i].width for i in members) + 2 * _GAP
        width = max(width, x - 2 * _GAP)
        y += max(heights) + _GAP
    for source, target in part.edges:
        left, right = place[source], place[target]
        begin = (left[0] + laid[source].width, left[1] + laid[source].axis)
        end = (right[0], right[1] + laid[target].axis)
        near = depth[target] == depth[source] + 1 and end[0] > begin[0]
        shapes.append(Line((begin, end), "line" if near else "skip", arrow=True))
    for i, one in enumerate(laid):
        shapes += one.moved(*place[i])
    height = y - _GAP
    return Layout(width, height, height / 2, tuple(shapes))


def _repeat(part: Repeat) -> Layout:
    inner = _sequence(part.parts)
    pad, title = 6.0, 12.0
    width, height = inner.width + 2 * pad, inner.height + title + pad
    axis = title + inner.axis
    shapes: tuple[Shape, ...] = (
        Rectangle(0, 0, width, height, "repeat"),
        Text(pad, 9, f"× {part.count}", _TITLE, "title"),
        Line(((0, axis), (pad, axis))),
        Line(((width - pad, axis), (width, axis))),
    )
    return Layout(width, height, axis, (*shapes, *inner.moved(pad, title)))


def _arc(
    left: float, right: float, axis: float, top: float, text: str, above: float = 0.0
) -> list[Shape]:
    """A shortcut over what stands between; it ends `above` the axis."""
    points = ((left, axis), (left + 3, top), (right - 3, top), (right, axis - above))
    shapes: list[Shape] = [Line(points, "skip", arrow=True)]
    if text:
        # A word is smaller than a sign, to stay between the line and the box.
        size, down = (_TEXT, 5.5) if len(text) == 1 else (_SMALL, 6.0)
        shapes.append(Text(right - 4, top + down, text, size, "shape", "end"))
    return shapes


def _legend(network: Network) -> Layout:
    found = {node.kind: "" for node in network.nodes if node.kind in (FLOAT, BINARY)}
    texts = {FLOAT: "float weights", BINARY: "binary weights (W weight bits, A activation bits)"}
    shapes: list[Shape] = []
    x = 0.0
    for kind in sorted(found):
        shapes += [Rectangle(x, 1, 9, 9, kind), Text(x + 13, 8, texts[kind], _TEXT, "light")]
        x += 13 + _width(texts[kind], _TEXT) + 12
    return Layout(x, 12, 6, tuple(shapes))


def _gap(part: Part) -> float:
    text = _label(part)
    return max(_GAP, _width(text, _SMALL) + 9) if text else _GAP


def _label(part: Part) -> str:
    """The shape of what a part gives."""
    if isinstance(part, Box):
        return "" if part.nodes[0].kind == INPUT else shape_text(part.nodes[-1].shape)
    if isinstance(part, Group):
        return shape_text(part.total.shape)
    if isinstance(part, Branches):
        return shape_text(part.join.shape) if part.join else ""
    if isinstance(part, Repeat):
        return _label(part.parts[-1])
    return shape_text(part.boxes[-1].nodes[-1].shape)


def _width(text: str, size: float) -> float:
    wide = sum(one.isupper() or one in _WIDE for one in text)
    bold = _BOLD if size >= _TITLE else 1.0
    return (_CHARACTER * len(text) + _WIDER * wide) * size * bold


def _subscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
