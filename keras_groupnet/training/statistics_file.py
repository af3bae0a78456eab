"""The CSV file of training statistics."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

COLUMNS = (
    "epoch",
    "layer",
    "flip_ratio",
    "near_zero",
    "mean_latent",
    "dead_channels",
    "channels",
    "histogram",
)


class StatisticsFile:
    """A CSV file that grows, and that goes on where a killed run does.

    The file is written anew each time, under another name first, so that it is whole at any moment.

    Args:
        path: of the file; its folder is made if need be.

    Raises:
        ValueError: if there is a file with other columns.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self._rows: list[dict[str, Any]] = []
        if self.path.is_dir():
            raise ValueError(f"Expected the name of a file. Received: {str(self.path)!r}, a folder")
        self._read()

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        with self.path.open(newline="") as opened:
            reader = csv.DictReader(opened)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ValueError(
                    "The file exists and holds something else than training statistics. Use "
                    f"another name. Received: {str(self.path)!r} with columns {reader.fieldnames}"
                )
            return list(reader)

    def keep(self, epochs: float) -> None:
        """Drops all rows of later epochs: a run that starts after `epochs` repeats them."""
        self._rows = [row for row in self._read() if float(row["epoch"]) <= epochs]

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Appends rows, of all columns."""
        self._rows += rows
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f"{self.path.name}.unfinished")
        temporary.write_text(text.getvalue())
        os.replace(temporary, self.path)
