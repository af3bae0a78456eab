"""The report of a comparison: CSV, Markdown table, plot."""

import csv
import io
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from experiments.runs import TEACHER, Settings, finished_results, write_atomically
from keras_groupnet.deployment.summary import BINARY_OPERATIONS_PER_FLOAT

_COLUMNS = (
    "method",
    "options",
    "seed",
    "epochs",
    "stages",
    "seconds",
    "cpu_seconds",
    "accuracy",
    "loss",
    "train_accuracy",
    "weight_bits",
    "activation_bits",
    "branches",
    "parameters",
    "estimated_bytes",
    "float_operations",
    "binary_operations",
    "file_bytes",
    "file_accuracy",
    "differing",
    "milliseconds",
    "backend",
    "error",
    "conversion_error",
)
_EXPLANATION = """\
Mean of the last epoch's test accuracy over the seeds, ± half the distance between the best and \
the worst. W/A: bits of a weight and of an activation; kernels: binary ones that stand for a real \
one. The sizes are those of converted files{sizes}; operations are \
multiply-accumulates of an image, where a binary weight times k bits counts as k. Every run had \
{epochs} epochs: methods with several stages share them, half of them evenly among the stages \
before the last (at least one each), the rest for the last, each stage with its own cosine. \
Passes that a method makes besides (RBCN's batch-norm update after each epoch) and the training of \
its teacher, the full-precision run of the same seed, come on top. Minutes are of CPU time.\
"""


def write_report(work: Path, settings: Settings, docs: Path | None = None) -> str:
    """Writes `results.csv`, `results.md`, `results.png` and returns the Markdown.

    Args:
        work: folder of the comparison.
        settings: of the comparison.
        docs: a Markdown file to put it into as well, between the comments
            `<!-- begin NAME -->` and `<!-- end NAME -->` (at the end if there are none), NAME being
            the name of the data set; the plot goes beside it.
    """
    results = finished_results(work)
    write_atomically(work / "results.csv", csv_text(results))
    text = markdown(results, settings)
    write_atomically(work / "results.md", text)
    plot(results, work / "results.png", settings.data)
    if docs is not None:
        picture = docs.with_name(f"{docs.stem}_{settings.data}.png")
        replace_section(docs, settings.data, f"{text}\n![Accuracy against cost]({picture.name})\n")
        plot(results, picture, settings.data)
    return text


def csv_text(results: list[dict[str, Any]]) -> str:
    """One line per run."""
    file = io.StringIO()
    writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for result in results:
        name, _, options = result["method"].partition(":")
        row = result | {"method": name, "options": options}
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        writer.writerow({column: rounded.get(column, "") for column in _COLUMNS})
    return file.getvalue()


def markdown(results: list[dict[str, Any]], settings: Settings) -> str:
    """The command, a table of the methods, full precision on top, then the best first."""
    finished = [result for result in results if "error" not in result]
    groups = _by_method(finished)
    order = sorted(groups, key=lambda name: (name != TEACHER, -_mean(groups[name], "accuracy")))
    converted = any("file_bytes" in result for result in finished)
    head = [
        "method",
        "W/A",
        "kernels",
        "accuracy, %",
        "seeds",
        "KB",
        "M float",
        "M binary",
        "minutes",
    ]
    if converted:
        head += ["answers of the file that differ", "ms an image"]
    lines = [_row(head), _row(["---"] * len(head))]
    for name in order:
        lines.append(_row(_cells(name, groups[name], converted)))
    methods = " ".join(dict.fromkeys(result["method"] for result in results))
    seeds = ",".join(map(str, sorted({result["seed"] for result in results})))
    command = shlex.join(
        ["python", "-m", "experiments.compare_methods", "--folder=FOLDER", "--work=WORK"]
        + settings.arguments()
        + [f"--methods={methods}", f"--seeds={seeds}"]
        + ["--convert"] * converted
    )
    explanation = _EXPLANATION.format(
        epochs=settings.epochs,
        sizes="" if finished and all("file_bytes" in r for r in finished) else " (some estimated)",
    )
    failures = [
        f"- {result['method']}, seed {result['seed']}: {result[key]}"
        for result in results
        for key in ("error", "conversion_error")
        if key in result
    ]
    parts = [f"    {command}", explanation, "\n".join(lines)]
    if failures:
        parts.append("Failed:\n\n" + "\n".join(failures))
    return "\n\n".join(parts) + "\n"


def replace_section(path: Path, name: str, text: str) -> None:
    """Puts `text` between the comments of this name, at the end of the file if there are none."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    old = path.read_text() if path.exists() else ""
    before, found, rest = old.partition(begin)
    after = rest.partition(end)[2] if found else "\n"
    if not found and before:
        before += "\n"
    write_atomically(path, f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}")


def plot(results: list[dict[str, Any]], path: Path, title: str) -> None:
    """Accuracy against the size of the file and against operations."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    groups = _by_method([result for result in results if "error" not in result])
    figure, axes = pyplot.subplots(1, 2, figsize=(14, 7), sharey=True, layout="constrained")
    costs = (
        ("bits of the model (file)", lambda r: 8 * r.get("file_bytes", r["estimated_bytes"])),
        (
            f"float operations + binary operations / {BINARY_OPERATIONS_PER_FLOAT}",
            lambda r: r["float_operations"] + r["binary_operations"] / BINARY_OPERATIONS_PER_FLOAT,
        ),
    )
    for axis, (label, cost) in zip(axes, costs, strict=True):
        for name, group in groups.items():
            accuracies = [100 * result["accuracy"] for result in group]
            mean, x = float(np.mean(accuracies)), cost(group[0])
            spread = [[mean - min(accuracies)], [max(accuracies) - mean]]
            axis.errorbar(x, mean, spread, fmt="o", markersize=4, capsize=2)
            axis.annotate(
                name, (x, mean), xytext=(4, 3), textcoords="offset points", fontsize="x-small"
            )
        axis.set(xscale="log", xlabel=label)
        axis.margins(x=0.2)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("test accuracy, %")
    figure.suptitle(title)
    # No date in the file: the same results give the same bytes.
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _by_method(results):
    groups: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        groups.setdefault(result["method"], []).append(result)
    return groups


def _mean(group, key):
    return float(np.mean([result[key] for result in group]))


def _cells(name, group, converted):
    accuracies = [100 * result["accuracy"] for result in group]
    first = group[0]
    accuracy = f"{np.mean(accuracies):.2f}"
    if len(group) > 1:
        accuracy += f" ± {(max(accuracies) - min(accuracies)) / 2:.2f}"
    cells = [
        f"`{name}`",
        f"{first['weight_bits']}/{first['activation_bits']}",
        str(first["branches"]),
        accuracy,
        str(len(group)),
        f"{first.get('file_bytes', first['estimated_bytes']) / 1000:.1f}",
        f"{first['float_operations'] / 1e6:.2f}",
        f"{first['binary_operations'] / 1e6:.2f}",
        f"{_mean(group, 'cpu_seconds') / 60:.1f}",
    ]
    if converted:
        files = [result for result in group if "file_bytes" in result]
        cells += [
            ", ".join(str(result["differing"]) for result in files) or "–",
            f"{_mean(files, 'milliseconds'):.3f}" if files else "–",
        ]
    return cells


def _row(cells):
    return f"| {' | '.join(cells)} |"
