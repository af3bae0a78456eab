"""The summary as a table, of text for a terminal and of HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from keras_groupnet.structure.scope import name_of_copies

if TYPE_CHECKING:
    from keras_groupnet.deployment.summary import LayerSummary, ModelSummary

_HEAD = (
    "layer",
    "input",
    "output",
    "1-bit",
    "32-bit",
    "at",
    "binary MACs",
    "float MACs",
    "bytes",
    "act. bytes",
    "Eq. 4",
    "RBCN",
    "ms",
)
_LEFT = 3  # columns
WIDEST = 10_000


def cells(model: ModelSummary) -> list[list[str]]:
    """Heads, rows, nothing where a line goes, totals."""
    rows: dict[str, list[LayerSummary]] = {}
    for layer in model.layers:
        key = layer.name if layer.bases == 1 else name_of_copies(layer.name)
        rows.setdefault(key, []).append(layer)
    lines = [list(_HEAD)]
    for name, copies in rows.items():
        first = copies[0]
        binary = first.binary_weights and first.macs
        lines.append(
            [
                name if first.calls == 1 else f"{name} ({first.calls} calls)",
                _shape(first.input_shape),
                _shape(first.output_shape),
                _number(sum(layer.binary_weights for layer in copies)),
                _number(sum(layer.float_weights for layer in copies)),
                first.precision if first.macs else "",
                _number(sum(layer.binary_macs for layer in copies)),
                _number(sum(layer.float_macs for layer in copies)),
                _number(sum(layer.file_bytes for layer in copies)),
                _number(max(layer.activation_bytes for layer in copies)),
                f"{first.speedup:.1f}x" if binary else "",
                f"{first.rbcn_speedup:.1f}x" if binary else "",
                _milliseconds(sum(layer.milliseconds for layer in copies)),
            ]
        )
    rest = [
        _only(what, column, text)
        for what, column, text in (
            (
                "ops and tensors of the file",
                "bytes",
                _number(model.file_bytes - model.weight_bytes),
            ),
            ("layers without weights, start", "ms", _milliseconds(model.other_milliseconds)),
        )
    ]
    total = [
        "total",
        "",
        "",
        _number(model.binary_weights),
        _number(model.float_weights),
        "",
        _number(sum(model.binary_macs.values())),
        _number(model.float_macs),
        _number(model.file_bytes),
        _number(model.activation_bytes),
        f"{model.speedup:.1f}x",
        f"{model.rbcn_speedup:.1f}x",
        _milliseconds(model.milliseconds),
    ]
    return [*lines, *rest, [], total]


def _only(what: str, column: str, text: str) -> list[str]:
    """A row of one number."""
    return [what, *(text if title == column else "" for title in _HEAD[1:])]


def note(model: ModelSummary) -> str:
    """What stands below the table."""
    return (
        f"Compression: {model.compression:.1f}, the {4 * model.reference_weights:,} bytes of the "
        f"float network's weights over the file; {model.weight_compression:.1f} over the weights "
        "in it. act. bytes: read and written by the largest call. ms: one sample on one thread, "
        f"estimated with the profile {model.profile!r}."
    )


def rich_table(model: ModelSummary) -> Table:
    """The table for a terminal."""
    head, *rows = cells(model)
    table = Table(title=_plain(model.name), caption=_plain(note(model)), caption_justify="left")
    for number, title in enumerate(head):
        table.add_column(title, justify="left" if number < _LEFT else "right", no_wrap=True)
    for row in rows:
        if row:
            table.add_row(*map(_plain, row))
        else:
            table.add_section()
    return table


def _plain(text: str) -> Text:
    """Names may hold what rich takes for markup."""
    return Text(text)


def html_row(row: Sequence[str], tag: str) -> str:
    """A row of the table for a notebook, of `th` or `td` cells."""
    sides = ["left" if number < _LEFT else "right" for number in range(len(row))]
    inner = "".join(
        f'<{tag} style="text-align:{side}">{html.escape(cell)}</{tag}>'
        for side, cell in zip(sides, row, strict=True)
    )
    return f"<tr>{inner}</tr>"


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _number(value: int) -> str:
    return f"{value:,}" if value else ""


def _milliseconds(value: float) -> str:
    return f"{value:.4f}" if value else ""
