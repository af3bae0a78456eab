"""How long each op of a file takes: ours by the delegate's profile, the others one by one.

Run as a script, it is the process whose delegate prints the profile; it must import nothing of
ours, since that brings Keras.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from keras_groupnet.reports.file_contents import FileContents, FileOp

_RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
_DELEGATED = ("Kgn", "Lce")
# Of a line of the profile, behind op, output and kernel: calls, total ms, ms a call, percent.
_NUMBERS = 4
# Profiles hold means, which one interruption spoils: of so many profiles the median counts.
_PROFILES = 5

ProfileRow = tuple[str, str, float]


def op_times(contents: FileContents, num_threads: int, runs: int) -> dict[FileOp, float]:
    """Milliseconds of one run of each op, for one sample.

    Ours are timed inside of the whole net (`profile=1` of the delegate), the others as files of one
    op each, in turn, of which the median is taken.

    Args:
        contents: of a file whose inputs are fixed but for the batch.
        num_threads: of the interpreter and the delegate.
        runs: how often the net and each op are run.

    Returns:
        Op -> milliseconds; an op that does not run alone is left out.

    Raises:
        ValueError: an input has a dynamic extent besides the batch.
        RuntimeError: the file does not run.
    """
    times = _alone(contents, num_threads, runs)
    found: dict[tuple[str, str], list[float]] = {}
    for table in profiles(contents.content, num_threads, runs):
        for kind, tensor, milliseconds in table:
            found.setdefault((kind, tensor), []).append(milliseconds)
    for op in contents.ops:
        if (op.kind, op.output) in found:
            times[op] = float(np.median(found[op.kind, op.output]))
    return times


def profiles(content: bytes, num_threads: int = 1, runs: int = 20) -> list[list[ProfileRow]]:
    """What the delegate says of its ops, some times: kind, tensor it writes, milliseconds a call.

    Args:
        content: a `.tflite` file.
        num_threads: of the interpreter and the delegate.
        runs: invocations for each profile.

    Raises:
        RuntimeError: the process that runs the file failed; with what it said.
    """
    from keras_groupnet.runtime.delegate import delegate_path

    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(content)
        file.flush()
        # -P: the modules beside this one are no top-level modules.
        command = [sys.executable, "-P", __file__, file.name, delegate_path()]
        child = subprocess.run([*command, str(num_threads), str(runs)], capture_output=True)
    if child.returncode:
        said = child.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"The process that times the ops failed: {said}")
    return parse_profiles(child.stderr)


def parse_profiles(printed: bytes) -> list[list[ProfileRow]]:
    """The rows of the tables that delegates print; names are padded by bytes."""
    tables: list[list[ProfileRow]] = []
    columns = (0, 0)
    for line in printed.splitlines():
        if line.startswith(b"op ") and b"ms/call" in line:
            columns = (line.index(b"output"), line.index(b"kernel"))
            tables.append([])
        elif tables and line.startswith(tuple(name.encode() for name in _DELEGATED)):
            output, kernel = columns
            name = line[output:kernel].decode(errors="replace").rstrip()
            *_, per_call, _ = line.split()[-_NUMBERS:]
            tables[-1].append((line[:output].decode().strip(), name, float(per_call)))
    return tables


def _alone(contents: FileContents, num_threads: int, runs: int) -> dict[FileOp, float]:
    from keras_groupnet.bench.benchmark import interleave, prepared

    graph = contents.graph
    ready = {}
    for op in contents.ops:
        if op.kind.startswith(_DELEGATED):
            continue
        inputs = [x for x in op.op.inputs if x in graph.inputs or graph.producer(x) is not None]
        if not inputs:
            continue
        try:
            alone = graph.subgraph_of([op.op], list(dict.fromkeys(inputs)), op.op.outputs)
            ready[op] = prepared(alone.to_bytes(), num_threads=num_threads)
        except (RuntimeError, ValueError):
            continue  # it needs the others, as one that reads a variable does
    seconds = interleave({op: one.invoke for op, one in ready.items()}, runs)
    return {op: 1e3 * float(np.median(times)) for op, times in seconds.items()}


def _run(path: str, delegate: str, num_threads: str, runs: str) -> None:
    for name in _RUNTIMES:
        try:
            runtime = import_module(name)
            break
        except ModuleNotFoundError:
            continue
    else:
        raise SystemExit("Timing needs ai-edge-litert or tflite-runtime. Install one of them.")
    for _ in range(_PROFILES):
        _print_profile(runtime, path, delegate, num_threads, int(runs))


def _print_profile(runtime, path: str, delegate: str, num_threads: str, runs: int) -> None:
    options = {"num_threads": num_threads, "profile": "1"}
    plugin = runtime.load_delegate(delegate, options)
    interpreter = runtime.Interpreter(
        model_path=path, num_threads=int(num_threads), experimental_delegates=[plugin]
    )
    interpreter.allocate_tensors()
    generator = np.random.default_rng(0)
    for entry in interpreter.get_input_details():
        value = np.zeros(entry["shape"], entry["dtype"])
        if np.issubdtype(entry["dtype"], np.floating):
            value = generator.standard_normal(entry["shape"]).astype(entry["dtype"])
        interpreter.set_tensor(entry["index"], value)
    for _ in range(runs):
        interpreter.invoke()
    del interpreter, plugin  # which prints


if __name__ == "__main__":
    _run(*sys.argv[1:])
