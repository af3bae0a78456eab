"""Files of old versions and of Larq's converter run, in every runtime of this environment.

Needs numpy, pytest and one runtime only, so that it also runs beside tflite-runtime 2.14.
"""

from pathlib import Path

import numpy as np
import pytest

from tests.runtime.runners import assert_same, invoke, is_there, load

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = sorted([*GOLDEN.glob("v*/*.tflite"), *GOLDEN.glob("lce/*.tflite")])
RUNTIMES = [runtime for runtime in ("litert", "tf", "tflite_runtime") if is_there(runtime)]


def test_there_are_files_and_runtimes():
    assert FILES and RUNTIMES


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_file(path, runtime):
    arrays = np.load(path.with_suffix(".npz"))
    inputs = [arrays[name] for name in sorted(arrays) if name.startswith("input")]
    expected = [arrays[name] for name in sorted(arrays) if name.startswith("output")]
    assert_same(invoke(load(path.read_bytes(), runtime), inputs), expected)
