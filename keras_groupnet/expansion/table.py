"""What an expansion makes of each layer, as a table."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclasses.dataclass(frozen=True)
class LayerRow:
    """A layer of the parent that has a kernel.

    Attributes:
        name: of the layer.
        kind: its class.
        macs: multiply-accumulates of all its calls for one sample; None if sizes are unknown.
        group: number of its group of bases; None outside of groups.
        becomes: such as `"W1A1"`; `"float"` for a layer that stays as it is.
        bases: how many copies of it there are.
        reason: why it stays float; empty for others.
    """

    name: str
    kind: str
    macs: int | None
    group: int | None
    becomes: str
    bases: int
    reason: str


@dataclasses.dataclass(frozen=True)
class ExpansionTable:
    """All layers with kernels; printed as a table, and shown as one in notebooks.

    Attributes:
        name: of the parent.
        rows: in the order of the parent's calls.
    """

    name: str
    rows: tuple[LayerRow, ...]

    @property
    def binary_share(self) -> float | None:
        """Multiply-accumulates of low-bit layers over all of the parent's; None if unknown."""
        if any(row.macs is None for row in self.rows):
            return None
        total = sum(row.macs or 0 for row in self.rows)
        return sum(row.macs or 0 for row in self.rows if not row.reason) / total if total else 0.0

    def records(self) -> list[dict[str, Any]]:
        """One dict for each row, as `pandas.DataFrame` takes them."""
        return [dataclasses.asdict(row) for row in self.rows]

    def __str__(self) -> str:
        """The table and the share of low-bit multiply-accumulates."""
        console = Console(width=110)
        with console.capture() as capture:
            console.print(self._table())
        return capture.get()

    def _repr_html_(self) -> str:
        cells = [[html.escape(cell) for cell in row] for row in self._cells()]
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in cells)
        head = "".join(f"<th>{title}</th>" for title in _TITLES)
        caption = html.escape(self._caption())
        return f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>"

    def _caption(self) -> str:
        low_bit = sum(not row.reason for row in self.rows)
        share = self.binary_share
        text = f"{self.name}: {low_bit} of {len(self.rows)} layers become low-bit"
        return text if share is None else f"{text}, {share:.1%} of the multiply-accumulates"

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                row.name,
                row.kind,
                "" if row.macs is None else f"{row.macs:,}",
                "" if row.group is None else str(row.group),
                row.becomes if row.bases == 1 else f"{row.bases} x {row.becomes}",
                row.reason,
            )
            for row in self.rows
        ]

    def _table(self) -> Table:
        table = Table(title=self._caption())
        for title in _TITLES:
            table.add_column(title, justify="right" if title in ("MACs", "group") else "left")
        for cells in self._cells():
            table.add_row(*cells)
        return table


_TITLES = ("layer", "class", "MACs", "group", "becomes", "why it stays float")
