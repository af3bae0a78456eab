"""Times files of Larq's converter in our delegate and in Larq Compute Engine's own interpreter.

    python examples/race_lce.py FILE.tflite ... [--runs 100]

Both run in one process, one thread, in turn. LCE's Python interface copies input and output with
every answer; what such copies cost is shown beside (in our `predict`, which makes the same).
Needs an environment of its own (Python 3.11):

    pip install larq-compute-engine==0.16.0 tflite-runtime==2.14.0 "numpy<2" absl-py
    PYTHONPATH=FOLDER_OF_THIS_REPOSITORY python examples/race_lce.py ...
"""

import functools
import importlib.util
import sys
import time
import types
from pathlib import Path

import numpy as np
import tflite_runtime.interpreter  # noqa: F401  before LCE's library, which holds a TFLite, too
from absl import app, flags

from keras_groupnet.runtime.interpreter import Interpreter

FLAGS = flags.FLAGS
flags.DEFINE_integer("runs", 100, "Timed runs of each candidate.", 1)

SETTINGS = {
    "default": {},
    "indirect": {"use_indirect_bgemm": True},
    "indirect, XNNPACK": {"use_indirect_bgemm": True, "use_xnnpack": True},
}


@functools.cache
def lce_interpreter():
    """LCE's interpreter class without its converter, which would need TensorFlow."""
    root = Path(importlib.util.find_spec("larq_compute_engine").origin).parent
    for name, folder in (
        ("larq_compute_engine", root),
        ("larq_compute_engine.tflite", root / "tflite"),
        ("larq_compute_engine.tflite.python", root / "tflite" / "python"),
    ):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    from larq_compute_engine.tflite.python.interpreter import Interpreter as LceInterpreter

    return LceInterpreter


def candidates(content):
    """Name -> function that answers one random image."""
    ours = Interpreter(content, num_threads=1)
    (entry,) = ours.get_input_details()
    image = np.random.default_rng(0).standard_normal(entry["shape"]).astype(np.float32)
    ours.set_tensor(entry["index"], image)
    calls = {"ours": ours.invoke, "ours with copies": lambda: ours.predict(image)}
    lce = lce_interpreter()
    for name, options in SETTINGS.items():
        theirs = lce(content, num_threads=1, **options)
        calls[f"LCE {name}"] = lambda theirs=theirs: theirs.predict(image)
    return calls


def race(path):
    """Prints the fastest and the median time of each."""
    calls = candidates(Path(path).read_bytes())
    seconds = {name: [] for name in calls}
    for run in range(FLAGS.runs + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if run >= 2:
                seconds[name].append(time.perf_counter() - start)
    fastest = min(seconds["ours"])
    print(path)
    for name, times in seconds.items():
        print(
            f"  {name:24s} fastest {1e3 * min(times):8.3f} ms, median "
            f"{1e3 * np.median(times):8.3f} ms, {min(times) / fastest:.2f} x ours"
        )


def main(paths):
    """Races every file."""
    if len(paths) < 2:
        raise app.UsageError("Expected at least one .tflite file.")
    for path in paths[1:]:
        race(path)


if __name__ == "__main__":
    app.run(main)
