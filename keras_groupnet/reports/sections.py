"""The sections of the page, each from what is known; one that has nothing to say is empty."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_groupnet.bench.benchmark import machine
from keras_groupnet.deployment.summary import LayerSummary, ModelSummary
from keras_groupnet.drawing.drawing import Drawing
from keras_groupnet.metrics.latent_statistics import LIMIT
from keras_groupnet.reports import markup
from keras_groupnet.reports.file_contents import CONSTANT_KINDS, FileContents, FileOp
from keras_groupnet.reports.float_twins import FLOAT32, INT8
from keras_groupnet.reports.latent_weights import Histogram
from keras_groupnet.reports.measured import Measured
from keras_groupnet.reports.statistics_log import StatisticsLog
from keras_groupnet.structure.scope import name_of_copies

_REST = "ops, names, padding"
_MOST_BARS = 60
_MOST_IN_MICROSECONDS = 10  # ms
_UNMATCHED = "other ops"
_HOW = "Ops of this package as the delegate's profile says, all others as files of one op. "
_BESIDE = "A bar is the sum of all bases; beside it is one float layer of that geometry. "


def totals(summary: ModelSummary) -> str:
    """The numbers of a whole model."""
    values: dict[str, Any] = {
        "1-bit weights": summary.binary_weights,
        "32-bit weights": summary.float_weights,
        "float MACs": summary.float_macs,
    }
    for bits, macs in sorted(summary.binary_macs.items()):
        values[f"MACs with A{bits}"] = macs
    values["file bytes, about"] = summary.file_bytes
    values["theoretical speed-up"] = f"{summary.speedup:.1f}×"
    values["estimated, one thread"] = f"{markup.text_of(summary.milliseconds)} ms"
    return markup.facts(values)


def file_totals(contents: FileContents) -> str:
    """The numbers of a whole file."""
    graph = contents.graph
    return markup.facts(
        {
            "file bytes": len(contents.content),
            "ops": len(contents.ops),
            "binary MACs": sum(op.macs for op in contents.ops if op.bits.startswith("W")),
            "other MACs": sum(op.macs for op in contents.ops if not op.bits.startswith("W")),
            "inputs": ", ".join(markup.text_of(graph.shape(x)[1:]) for x in graph.inputs),
            "outputs": ", ".join(markup.text_of(graph.shape(x)[1:]) for x in graph.outputs),
        }
    )


def drawing(picture: Drawing) -> str:
    """The picture, in the page."""
    svg = picture.svg[picture.svg.index("<svg") :]
    # Its style is for all elements of a page, its metadata for none.
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("*{stroke-linejoin", ".drawing svg *{stroke-linejoin")
    return markup.section("Drawing", f'<div class="drawing">{svg}</div>')


def layers(summary: ModelSummary, measured: Measured | None) -> str:
    """The layers: their time, measured and estimated, and what they cost otherwise."""
    every = summary.layers
    columns: dict[str, list[Any]] = {
        "layer": [layer.name for layer in every],
        "kind": [layer.kind for layer in every],
        "bits": [_bits(layer) for layer in every],
        "measured ms": [],
        "estimated ms": [layer.milliseconds or None for layer in every],
    }
    if measured is not None:
        columns |= _measured_columns(summary, measured)
    columns |= {
        "input": [layer.input_shape for layer in every],
        "output": [layer.output_shape for layer in every],
        "1-bit weights": [layer.binary_weights or None for layer in every],
        "32-bit weights": [layer.float_weights or None for layer in every],
        "binary MACs": [layer.binary_macs or None for layer in every],
        "float MACs": [layer.float_macs or None for layer in every],
        "bytes in the file": [layer.file_bytes or None for layer in every],
        "activation bytes": [layer.activation_bytes or None for layer in every],
        "bases": [layer.bases for layer in every],
        "calls": [layer.calls for layer in every],
        "speed-up, Eq. 4": [layer.speedup if layer.binary_weights else None for layer in every],
        "speed-up, RBCN": [layer.rbcn_speedup if layer.binary_weights else None for layer in every],
    }
    shown = {name: c for name, c in columns.items() if any(value is not None for value in c)}
    rows = list(zip(*shown.values(), strict=True))
    return markup.section(
        "Layers",
        markup.paragraph(
            "A click on a heading sorts. A base of a group has a row of its own. Estimated: one "
            f"sample on one thread, by the cost model {summary.profile!r}; layers without weights "
            f"and the start of a run take another {markup.text_of(summary.other_milliseconds)} ms. "
            "What the file makes a part of another layer's op has no measured time of its own."
        ),
        markup.table(list(shown), rows),
    )


def _bits(layer: LayerSummary) -> str | None:
    return layer.precision if layer.macs else None


def _measured_columns(summary: ModelSummary, measured: Measured) -> dict[str, list[Any]]:
    times = measured.layers()
    own = [times.get(layer.name) for layer in summary.layers]
    columns: dict[str, list[Any]] = {"measured ms": own}
    for kind in (FLOAT32, INT8):
        beside = [measured.twins.get(layer.name, {}).get(kind) for layer in summary.layers]
        columns[f"{kind} ms"] = beside
        columns[f"{kind} / measured"] = [
            b / a if a and b else None for a, b in zip(own, beside, strict=True)
        ]
    return columns


def times(measured: Measured, num_threads: int, runs: int) -> str:
    """Whole nets, and layers beside float32 and int8."""
    nets = [(net.name, net.file_bytes, net.median_ms, net.fastest_ms) for net in measured.nets]
    content = [
        markup.paragraph(", ".join(f"{name} {fact}" for name, fact in _where(num_threads, runs))),
        markup.table(
            ("net", "file bytes", "median ms", "fastest ms"), nets, "Whole files, in turn"
        ),
    ]
    content += [markup.paragraph(note) for note in measured.notes]
    bars = _bars_of_times(measured)
    if bars:
        content += [
            markup.paragraph(_HOW + (_BESIDE if measured.twins else "")),
            markup.grouped_bars(*_in_readable_unit(bars)),
        ]
    return markup.section("Measured time", *content)


def _in_readable_unit(
    bars: Mapping[str, Mapping[str, float]],
) -> tuple[Mapping[str, Mapping[str, float]], str]:
    """Milliseconds as such or, where they are small, as microseconds."""
    if max(time for pieces in bars.values() for time in pieces.values()) >= _MOST_IN_MICROSECONDS:
        return bars, "ms"
    return {
        name: {kind: 1e3 * time for kind, time in pieces.items()} for name, pieces in bars.items()
    }, "µs"


def not_measured(why: str) -> str:
    """Instead of times."""
    return markup.section("Measured time", markup.paragraph(f"Not measured: {why}"))


def ops(contents: FileContents, milliseconds: Mapping[FileOp, float], title: str) -> str:
    """The ops of a file."""
    columns = ("#", "op", "layer or tensor", "output", "bits", "MACs", "bytes", "ms")
    rows = [
        (
            number,
            op.kind,
            op.name,
            op.output_shape,
            op.bits,
            op.macs or None,
            op.total_bytes or None,
            milliseconds.get(op),
        )
        for number, op in enumerate(contents.ops)
    ]
    kept = [i for i in range(len(columns)) if any(row[i] not in (None, "") for row in rows)]
    table = markup.table([columns[i] for i in kept], [[row[i] for i in kept] for row in rows])
    return markup.section(title, table)


def sizes(contents: FileContents) -> str:
    """Where the bytes of a file are."""
    total = {
        kind: amount
        for kind in CONSTANT_KINDS
        if (amount := sum(op.bytes.get(kind, 0) for op in contents.ops))
    }
    total[_REST] = contents.rest_bytes
    by_layer: dict[str, dict[str, float]] = {}
    for op in contents.ops:
        pieces = by_layer.setdefault(name_of_copies(op.name), dict.fromkeys(total, 0))
        for kind, amount in op.bytes.items():
            pieces[kind] += amount
    by_layer = {name: pieces for name, pieces in by_layer.items() if sum(pieces.values())}
    return markup.section(
        "Size",
        markup.stacked_bars({"the file": total}, "bytes"),
        markup.paragraph("By layer; constants that several ops read count for the first."),
        markup.stacked_bars(_largest(by_layer), "bytes"),
    )


def accuracies(shares: Mapping[str, float]) -> str:
    """How often something is right."""
    values = {name: f"{100 * share:.2f} %" for name, share in shares.items()}
    return markup.section("Accuracy", markup.facts(values))


def latent(histograms: Sequence[Histogram]) -> str:
    """How latent weights are distributed."""
    if not histograms:
        return ""
    figures = "".join(
        markup.histogram(one.name, one.counts, one.limit, f"{one.weights:,} weights")
        for one in histograms
    )
    return markup.section(
        "Latent weights",
        markup.paragraph("Those near zero flip their binary weight by a small step."),
        f'<div class="many">{figures}</div>',
    )


def training(log: StatisticsLog) -> str:
    """What the log of a training says."""
    content = []
    flips = log.values.get("flip_ratio", {})
    if flips:
        content.append(markup.lines_chart("Flip ratio of the binary weights", _joined(flips)))
    names = list(dict.fromkeys(name for layers in log.values.values() for name in layers))
    rows = []
    for name in names:
        last = [layers.get(name, {}) for layers in log.values.values()]
        epoch = max((max(one) for one in last if one), default=None)
        rows.append((name, epoch, *(one[max(one)] if one else None for one in last)))
    columns = ("layer", "epoch", *(column.replace("_", " ") for column in log.values))
    content.append(markup.table(columns, rows, "The last record of each layer"))
    content += _first_and_last(log.histograms)
    return markup.section("Training", *content)


def _first_and_last(histograms: Mapping[str, Mapping[float, tuple[int, ...]]]) -> list[str]:
    """Latent weights at both ends of the log, a small picture for each layer with its bases."""
    if not histograms:
        return []
    joined: dict[str, list[Mapping[float, tuple[int, ...]]]] = {}
    for name, records in histograms.items():
        joined.setdefault(name_of_copies(name), []).append(records)
    figures = []
    for name, copies in joined.items():
        first, last = min(map(min, copies)), max(map(max, copies))
        before, after = (
            [sum(bin) for bin in zip(*(one[end(one)] for one in copies), strict=True)]
            for end in (min, max)
        )
        if first == last:
            note, before = f"epoch {markup.text_of(last)}", []
        else:
            note = f"epoch {markup.text_of(first)} to {markup.text_of(last)}"
        figures.append(markup.histogram(name, after, LIMIT, note, before))
    return [
        markup.paragraph(
            "Latent weights in units of twice their mean magnitude: the first record as a line, "
            "the last one filled. What lies outside counts at the ends."
        ),
        f'<div class="many">{"".join(figures)}</div>',
    ]


def _joined(series: Mapping[str, Mapping[float, float]]) -> dict[str, dict[float, float]]:
    """Layers with their copies in all bases: the mean."""
    found: dict[str, dict[float, list[float]]] = {}
    for name, points in series.items():
        for epoch, value in points.items():
            found.setdefault(name_of_copies(name), {}).setdefault(epoch, []).append(value)
    return {
        name: {epoch: sum(values) / len(values) for epoch, values in points.items()}
        for name, points in found.items()
    }


def _bars_of_times(measured: Measured) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for op in measured.contents.ops:
        if op not in measured.ops:
            continue
        alone = not measured.twins or op.layer is not None
        name = name_of_copies(op.name) if alone else _UNMATCHED
        pieces = found.setdefault(name, {"this file": 0.0})
        pieces["this file"] += measured.ops[op]
        for kind, milliseconds in measured.twins.get(op.layer or "", {}).items():
            pieces[kind] = milliseconds
    return _largest(found)


def _largest(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """At most so many rows that one can look at them; the smallest ones become one."""
    if len(rows) <= _MOST_BARS:
        return {name: dict(pieces) for name, pieces in rows.items()}
    order = sorted(rows, key=lambda name: -sum(rows[name].values()))
    large = set(order[: _MOST_BARS - 1])
    kept = {name: dict(pieces) for name, pieces in rows.items() if name in large}
    rest: dict[str, float] = {}
    for name in order[_MOST_BARS - 1 :]:
        for kind, amount in rows[name].items():
            rest[kind] = rest.get(kind, 0) + amount
    return kept | {f"{len(rows) - len(kept)} smaller ones": rest}


def _where(num_threads: int, runs: int) -> Iterable[tuple[str, Any]]:
    return (machine() | {"threads": str(num_threads), "runs": str(runs)}).items()
