"""HTML by hand: tables that sort, bars, small charts. All text is escaped here."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras_groupnet.drawing.network import shape_text


def escaped(text: Any) -> str:
    """Text that stands in HTML as it is, also inside of attributes."""
    return html.escape(str(text), quote=True)


def section(title: str, *content: str) -> str:
    """A section with a heading."""
    name = escaped(title.lower().replace(" ", "-"))
    return f'<section id="{name}"><h2>{escaped(title)}</h2>{"".join(content)}</section>'


def paragraph(text: str) -> str:
    """A line of text."""
    return f"<p>{escaped(text)}</p>"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> str:
    """A table that a click on a heading sorts.

    Args:
        columns: headings.
        rows: strings, numbers, shapes, or None for an empty cell.
        caption: above the table.
    """
    numeric = [
        all(isinstance(row[i], int | float | tuple | None) for row in rows)
        for i in range(len(columns))
    ]
    heads = "".join(
        f'<th scope="col"{_class(is_number)}><button type="button">{escaped(name)}</button></th>'
        for name, is_number in zip(columns, numeric, strict=True)
    )
    decimals = [_decimals([row[i] for row in rows]) for i in range(len(columns))]
    lines = []
    for row in rows:
        cells = "".join(
            f'<td data-value="{escaped(_sort_value(value))}"{_class(is_number)}>'
            f"{escaped(text_of(value, places))}</td>"
            for value, is_number, places in zip(row, numeric, decimals, strict=True)
        )
        lines.append(f"<tr>{cells}</tr>")
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table class="sortable">{title}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def text_of(value: Any, decimals: int | None = None) -> str:
    """A value as people read it: `1,234`, `0.123`, `8×8×64`.

    Args:
        value: a number, a shape, text, or None for no text.
        decimals: of numbers that stand below each other; those too small for it keep their digits.
    """
    if value is None:
        return ""
    if decimals and isinstance(value, int | float) and (not value or round(value, decimals)):
        return f"{value:,.{decimals}f}"
    if isinstance(value, tuple):
        return shape_text(value)
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def facts(values: Mapping[str, Any]) -> str:
    """Numbers with their names."""
    pairs = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{escaped(text_of(value))}</dd></div>"
        for name, value in values.items()
    )
    return f'<dl class="facts">{pairs}</dl>'


def stacked_bars(rows: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """A bar for each row, made of pieces.

    Args:
        rows: name -> kind -> amount.
        unit: of the amounts.
    """
    kinds = list(dict.fromkeys(kind for pieces in rows.values() for kind in pieces))
    most = max((sum(pieces.values()) for pieces in rows.values()), default=0) or 1
    lines = []
    for name, pieces in rows.items():
        total = sum(pieces.values())
        spans = "".join(
            f'<i class="k{kinds.index(kind)}" style="width:{100 * amount / most:.3f}%" '
            f'title="{escaped(kind)}: {escaped(text_of(amount))} {escaped(unit)}"></i>'
            for kind, amount in pieces.items()
        )
        lines.append(_bar_line(name, spans, f"{text_of(total)} {unit}"))
    return legend(kinds) + f'<div class="bars">{"".join(lines)}</div>'


def grouped_bars(rows: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """A bar for each piece, those of a row below each other."""
    kinds = list(dict.fromkeys(kind for pieces in rows.values() for kind in pieces))
    most = max((amount for pieces in rows.values() for amount in pieces.values()), default=0) or 1
    lines = []
    for name, pieces in rows.items():
        spans = "".join(
            f'<i class="k{kinds.index(kind)} row" style="width:{100 * amount / most:.3f}%" '
            f'title="{escaped(kind)}: {escaped(text_of(amount))} {escaped(unit)}"></i>'
            for kind, amount in pieces.items()
        )
        text = " / ".join(text_of(amount) for amount in pieces.values())
        lines.append(_bar_line(name, spans, f"{text} {unit}"))
    return legend(kinds) + f'<div class="bars">{"".join(lines)}</div>'


def legend(kinds: Sequence[str]) -> str:
    """Which colour is what."""
    keys = "".join(f'<li><i class="k{i}"></i>{escaped(kind)}</li>' for i, kind in enumerate(kinds))
    return f'<ul class="legend">{keys}</ul>'


def histogram(
    title: str, counts: Sequence[int], limit: float, note: str, before: Sequence[int] = ()
) -> str:
    """A small picture of how often values lie where, from -limit to limit.

    Args:
        title: what the values are.
        counts: of bins of one width.
        limit: of the outermost bins.
        note: below the title.
        before: counts of an earlier time, for an outline.
    """
    most = max([*counts, *before], default=0) or 1
    outline = "".join(f"V{40 - 38 * count / most:.2f}h2" for count in before)
    path = "".join(
        f"M{2 * i} 40v{-38 * count / most:.2f}h1.8v{38 * count / most:.2f}z"
        for i, count in enumerate(counts)
    )
    width = 2 * len(counts)
    label = f"{title}: {note}, from {-limit:.3g} to {limit:.3g}"
    return (
        f'<figure class="small"><svg viewBox="0 0 {width} 42" role="img" '
        f'aria-label="{escaped(label)}" preserveAspectRatio="none"><path class="f0" d="{path}"/>'
        + (f'<path class="before" d="M0 40{outline}V40"/>' if before else "")
        + f'<path class="axis" d="M0 40.5h{width}M{width / 2} 38v4"/></svg><figcaption>'
        f"<b>{escaped(title)}</b><br>{escaped(note)}, ±{limit:.3g}</figcaption></figure>"
    )


def lines_chart(title: str, series: Mapping[str, Mapping[float, float]]) -> str:
    """A line for each series over the epochs; the height is logarithmic.

    Args:
        title: what the values are.
        series: name -> epoch -> value; zeros stand at the bottom.
    """
    width, height, left, bottom = 720, 260, 56, 24
    epochs = sorted({epoch for points in series.values() for epoch in points})
    positive = [value for points in series.values() for value in points.values() if value > 0]
    if not epochs or not positive:
        return paragraph(f"{title}: all values are 0.")
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    high = max(high, low + 1)
    span = max(epochs[-1] - epochs[0], 1)

    def place(epoch: float, value: float) -> str:
        level = math.log10(value) if value > 0 else low
        x = left + (width - left - 8) * (epoch - epochs[0]) / span
        return f"{x:.1f},{8 + (height - bottom - 8) * (high - level) / (high - low):.1f}"

    marks = "".join(
        f'<path class="axis" d="M{left} {y}H{width - 8}"/>'
        f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g}</text>'
        for power in range(low, high + 1)
        for y in (round(8 + (height - bottom - 8) * (high - power) / (high - low)),)
    )
    lines = []
    for number, (name, points) in enumerate(series.items()):
        # From the first layer, blue, to the last one, red.
        hue = 220 + 140 * number / max(len(series) - 1, 1)
        path = " ".join(place(epoch, points[epoch]) for epoch in sorted(points))
        dots = "".join(
            f'<circle r="2" cx="{x}" cy="{y}"/>'
            for x, y in (point.split(",") for point in path.split())
        )
        lines.append(
            f'<g style="--hue:{hue:.0f}"><title>{escaped(name)}</title>'
            f'<polyline points="{path}"/>{dots}</g>'
        )
    keys = "".join(
        f'<li style="--hue:{220 + 140 * i / max(len(series) - 1, 1):.0f}">{escaped(name)}</li>'
        for i, name in enumerate(series)
    )
    return (
        f'<figure><div class="wide"><svg class="lines" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escaped(title)}">{marks}{"".join(lines)}'
        f'<text x="{left}" y="{height - 6}">epoch {text_of(epochs[0])}</text>'
        f'<text x="{width - 8}" y="{height - 6}" text-anchor="end">{text_of(epochs[-1])}</text>'
        "</svg></div>"
        f'<figcaption>{escaped(title)}</figcaption><ul class="hues">{keys}</ul></figure>'
    )


def _bar_line(name: str, spans: str, text: str) -> str:
    return (
        f'<div class="line"><span class="name" title="{escaped(name)}">{escaped(name)}</span>'
        f'<span class="bar">{spans}</span><span class="amount">{escaped(text)}</span></div>'
    )


def _class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _decimals(column: Sequence[Any]) -> int | None:
    """Three digits of the median: the points of a column stand below each other."""
    numbers = [x for x in column if isinstance(x, int | float) and x and math.isfinite(x)]
    sizes = sorted(map(abs, numbers))
    if all(float(size).is_integer() for size in sizes):
        return None
    return max(0, 2 - math.floor(math.log10(sizes[len(sizes) // 2])))


def _sort_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return math.prod(extent or 1 for extent in value)
    return "" if value is None else value
