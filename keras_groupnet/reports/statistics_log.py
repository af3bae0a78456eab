"""The log that training writes of its binary weights, `statistics.csv`."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from keras_groupnet.metrics.latent_statistics import BINS

_NEEDED = ("epoch", "layer")
# What is drawn or shown of it; a log may lack some of them.
NUMBERS = ("flip_ratio", "near_zero", "mean_latent", "dead_channels", "channels")


@dataclasses.dataclass(frozen=True)
class StatisticsLog:
    """What a log says.

    Attributes:
        values: column -> layer -> epoch -> value, for the columns of `NUMBERS` that are there.
        histograms: layer -> epoch -> counts of its latent weights in the bins of
            `metrics.latent_histogram`.
    """

    values: Mapping[str, Mapping[str, Mapping[float, float]]]
    histograms: Mapping[str, Mapping[float, tuple[int, ...]]]


def read_statistics(path: str | os.PathLike) -> StatisticsLog:
    """Reads a log.

    Args:
        path: of a CSV file with the columns `epoch`, `layer` and some of `NUMBERS`, and maybe
            `histogram`; others are ignored, empty cells are left out.

    Raises:
        ValueError: it is something else.
        FileNotFoundError: there is no such file.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            there = [name for name in NUMBERS if name in columns]
            if not set(_NEEDED) <= set(columns) or not there:
                raise ValueError(
                    f"Expected a CSV file with the columns {', '.join(_NEEDED)} and some of "
                    f"{', '.join(NUMBERS)}, as the callback of training statistics writes it. "
                    f"Received: {str(path)!r} with the columns {', '.join(columns) or 'none'}"
                )
            values: dict[str, dict[str, dict[float, float]]] = {name: {} for name in there}
            histograms: dict[str, dict[float, tuple[int, ...]]] = {}
            for row in reader:
                try:
                    epoch = float(row["epoch"])
                    for name in there:
                        if row[name]:
                            values[name].setdefault(row["layer"], {})[epoch] = float(row[name])
                    if row.get("histogram"):
                        counts = _counts(row["histogram"])
                        histograms.setdefault(row["layer"], {})[epoch] = counts
                except (TypeError, ValueError):
                    raise ValueError(
                        "Expected numbers in a log of training statistics, and histograms of "
                        f"{BINS} counts. Received: line "
                        f"{reader.line_num} of {str(path)!r}: {row}"
                    ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"Expected a CSV file of training statistics. Received: {str(path)!r}, which is no "
            f"text table ({error})"
        ) from None
    return StatisticsLog(values, histograms)


def _counts(text: str) -> tuple[int, ...]:
    counts = tuple(int(word) for word in text.split())
    if len(counts) != BINS or min(counts) < 0:
        raise ValueError(f"Expected {BINS} counts. Received: {text!r}")
    return counts
