"""An architecture as Group-Net, beside float32 and int8; the table of their times."""

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

import keras_groupnet as kgn
from keras_groupnet.bench.benchmark import benchmark, machine
from keras_groupnet.bench.memory import peak_bytes
from keras_groupnet.conversion.int8.float_layers import quantize_float_layers, quantize_model

if TYPE_CHECKING:
    import keras

OURS, OURS_INT8, FLOAT32, INT8 = "ours", "ours+int8", "float32", "int8"


def convert_with_baselines(
    groupnet: "keras.Model", parent: "keras.Model", images: np.ndarray
) -> dict[str, bytes]:
    """Converts a Group-Net and its full-precision parent, and quantizes to int8 what is float.

    Args:
        groupnet: with binary layers.
        parent: the same architecture in float32.
        images: to compare with Keras and to calibrate int8 with.

    Returns:
        Name -> content of the `.tflite` file: ours, ours with int8 for the layers that are not
        binary (the first and the last), float32, int8.
    """
    ours = kgn.convert(groupnet, inputs=images[:8]).content
    float32 = kgn.convert(parent, inputs=images[:8]).content
    return {
        OURS: ours,
        OURS_INT8: quantize_float_layers(ours, images),
        FLOAT32: float32,
        INT8: quantize_model(float32, images),
    }


def print_comparison(
    files: dict[str, bytes],
    title: str,
    columns: dict[str, dict[str, str]] | None = None,
    *,
    batch_size: int,
    num_threads: int,
    runs: int,
) -> None:
    """Times files side by side; prints times, sizes, memory, ratios to float32, and where it was.

    Args:
        files: name -> content, with a float32 among them.
        title: of the table.
        columns: title -> name of the file -> text, more columns to show.
        batch_size: images an invocation.
        num_threads: threads of the interpreter; more than one are compared with one.
        runs: timed invocations of each file.
    """
    timings = benchmark(
        files, batch_size=batch_size, num_threads=sorted({1, num_threads}), runs=runs
    )
    single = {timing.name: timing for timing in timings if timing.num_threads == 1}
    timings = [timing for timing in timings if timing.num_threads == num_threads]
    reference = next(timing for timing in timings if timing.name == FLOAT32)
    columns = {heading: dict(column) for heading, column in (columns or {}).items()}
    columns |= {"file bytes": {}, "size": {}, "ms a run": {}, "speed": {}, "peak MiB": {}}
    for timing in timings:
        name = timing.name
        columns["file bytes"][name] = f"{timing.file_bytes:,}"
        columns["size"][name] = f"{timing.file_bytes / reference.file_bytes:.3f}x"
        columns["ms a run"][name] = f"{timing.median_ms:.3f}"
        columns["speed"][name] = f"{reference.median_ms / timing.median_ms:.2f}x"
        peak = peak_bytes(files[name], kgn.lite.delegate_path(), num_threads)
        columns["peak MiB"][name] = "unknown" if peak is None else f"{peak / 2**20:.1f}"
    notes = (
        "Medians of interleaved runs; size and speed against float32; "
        "peak memory of a process that runs this file alone."
    )
    if num_threads > 1:
        columns["threads"] = {
            timing.name: f"{single[timing.name].fastest_ms / timing.fastest_ms:.2f}x"
            for timing in timings
        }
        notes += f" threads: the fastest run of 1 thread / the fastest of {num_threads}."
    table = Table(title=title)
    table.add_column(no_wrap=True)
    for heading in columns:  # on 80 columns headings wrap, but between words
        table.add_column(heading, justify="right", min_width=max(map(len, heading.split())))
    for timing in timings:
        table.add_row(timing.name, *(column.get(timing.name, "") for column in columns.values()))
    console = Console(highlight=False)
    console.print(table)
    facts = machine() | {"threads": num_threads, "batch": batch_size, "runs": runs}
    console.print(", ".join(f"{name} {fact}" for name, fact in facts.items()))
    console.print(f"{notes}\n")
