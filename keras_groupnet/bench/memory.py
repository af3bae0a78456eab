"""How much memory it takes to run a file, told by a process that does nothing else.

Run as a script, it is that process; it must import nothing of ours, since that brings Keras.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np


def peak_bytes(content: bytes, delegate: str | Path, num_threads: int = 1) -> int | None:
    """The largest resident memory of a process that loads a file and runs it three times.

    It includes Python, numpy and the runtime, which are the same for every file.

    Args:
        content: of a `.tflite` file.
        delegate: path of our plugin.
        num_threads: of the interpreter.

    Returns:
        Bytes (Linux's VmHWM); None where neither LiteRT nor tflite-runtime is installed, or where
        the system is not Linux.

    Raises:
        RuntimeError: the process failed; with what it said.
    """
    if not Path("/proc/self/status").exists():
        return None
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(content)
        file.flush()
        # -P: the modules beside this one are no top-level modules.
        command = [sys.executable, "-P", __file__, file.name, str(delegate), str(num_threads)]
        child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        raise RuntimeError(f"The process that measures memory failed: {child.stderr.strip()}")
    output = child.stdout.split()[-1]
    return None if output == "unknown" else int(output)


def _measure(path: str, delegate: str, num_threads: str) -> str:
    for name in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        try:
            runtime = import_module(name)
            break
        except ModuleNotFoundError:
            continue
    else:
        return "unknown"
    interpreter = runtime.Interpreter(
        model_path=path,
        num_threads=int(num_threads),
        experimental_delegates=[runtime.load_delegate(delegate, {"num_threads": num_threads})],
    )
    interpreter.allocate_tensors()
    for entry in interpreter.get_input_details():  # memory that nobody writes to does not count
        # Integers that stand for no real numbers are indices: 0 is one in any table.
        index = not np.issubdtype(entry["dtype"], np.floating) and not entry["quantization"][0]
        value = np.full(entry["shape"], 0 if index else 1, entry["dtype"])
        interpreter.set_tensor(entry["index"], value)
    for _ in range(3):
        interpreter.invoke()
    lines = Path("/proc/self/status").read_text().splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return str(1024 * int(kibibytes))


if __name__ == "__main__":
    print(_measure(*sys.argv[1:]))
