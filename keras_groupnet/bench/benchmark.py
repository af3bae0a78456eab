"""Timing files side by side in one process, interleaved, so that their ratios mean something."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import numpy as np

from keras_groupnet.runtime.interpreter import Interpreter

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Timing:
    """Times of one file with one number of threads.

    Attributes:
        name: as given.
        num_threads: of the interpreter and of our delegate.
        median_ms, fastest_ms: of one invocation, milliseconds.
        file_bytes: size of the file.
    """

    name: str
    num_threads: int
    median_ms: float
    fastest_ms: float
    file_bytes: int


def benchmark(
    files: dict[str, bytes],
    *,
    batch_size: int = 1,
    num_threads: Sequence[int] = (1,),
    runs: int = 50,
    runtime: str = "auto",
) -> list[Timing]:
    """Times several files on random input, one invocation of each in turn.

    Interleaving gives every file the same share of whatever else the machine does; compare the
    medians of one call with each other, never with those of another call.

    Args:
        files: name → content of a `.tflite` file, with any number of inputs of fixed shape but for
            the batch.
        batch_size: images an invocation.
        num_threads: threads of the interpreter and of our delegate; every file is timed with each.
        runs: timed invocations of each file, after two untimed ones.
        runtime: as in `Interpreter`.

    Returns:
        One `Timing` for each file and number of threads, the files in the order given.
    """
    if not files or runs < 1:
        raise ValueError(
            f"Expected at least one file and runs >= 1. Received: {len(files)} files, runs={runs}"
        )
    interpreters = {
        (name, threads): prepared(content, batch_size, threads, runtime)
        for name, content in files.items()
        for threads in num_threads
    }
    times = interleave({key: one.invoke for key, one in interpreters.items()}, runs)
    return [
        Timing(
            name,
            threads,
            1e3 * float(np.median(seconds)),
            1e3 * min(seconds),
            len(files[name]),
        )
        for (name, threads), seconds in times.items()
    ]


def interleave(candidates: dict[Key, Callable[[], object]], runs: int) -> dict[Key, list[float]]:
    """Calls each candidate in turn, `runs` times after two untimed ones; returns the seconds."""
    times: dict[Key, list[float]] = {name: [] for name in candidates}
    for run in range(runs + 2):
        for name, candidate in candidates.items():
            start = time.perf_counter()
            candidate()
            if run >= 2:
                times[name].append(time.perf_counter() - start)
    return times


def machine() -> dict[str, str]:
    """What a benchmark table must say of where it was measured."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    facts = {"cpu": cpu, "python": platform.python_version()}
    for package in ("keras", "tensorflow", "ai-edge-litert", "tflite-runtime"):
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return facts


def prepared(
    content: bytes,
    batch_size: int = 1,
    num_threads: int = 1,
    runtime: str = "auto",
    delegate_options: dict[str, str] | None = None,
) -> Interpreter:
    """An interpreter whose inputs are set: random numbers, zeros where integers are indices.

    Raises:
        ValueError: an input has a dynamic extent besides the batch.
    """
    interpreter = Interpreter(content, num_threads, runtime, delegate_options)
    entries = interpreter.get_input_details()
    for entry in entries:
        if any(extent < 0 for extent in entry["shape_signature"][1:]):
            raise ValueError(
                "Expected a file whose inputs are fixed but for the batch. "
                f"Received: {entry['name']} of shape {list(entry['shape_signature'])}. "
                "Convert the model for one size to time it."
            )
        shape = (batch_size, *entry["shape"][1:])
        if tuple(entry["shape"]) != shape:
            interpreter.resize_tensor_input(entry["index"], shape)
    interpreter.allocate_tensors()
    generator = np.random.default_rng(0)
    for entry in interpreter.get_input_details():
        interpreter.set_tensor(entry["index"], _random(entry, generator))
    return interpreter


def _random(entry: dict, generator: np.random.Generator) -> np.ndarray:
    shape, dtype = tuple(entry["shape"]), entry["dtype"]
    if np.issubdtype(dtype, np.floating):
        return generator.standard_normal(shape).astype(dtype)
    if not entry["quantization"][0]:  # an index or a flag: 0 is one in any table
        return np.zeros(shape, dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
