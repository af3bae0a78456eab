"""Whole converted nets of old versions, in every runtime of this environment.

Needs numpy, pytest and one runtime only, so that it also runs beside tflite-runtime 2.14.
"""

from pathlib import Path

import numpy as np
import pytest

from keras_groupnet.lite import Interpreter
from tests.runtime.runners import is_there

FILES = sorted((Path(__file__).parents[2] / "golden" / "models").glob("*.tflite"))
RUNTIMES = [runtime for runtime in ("litert", "tf", "tflite_runtime") if is_there(runtime)]


def assert_answers(interpreter, case, **options):
    answered = interpreter.predict(case["x"], **options)
    # Float ops around ours may round differently from one runtime or machine to the next.
    np.testing.assert_allclose(answered, case["y"], atol=1e-3 * np.abs(case["y"]).max())


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("options", [{}, {"kernel": "scalar"}], ids=["best", "scalar"])
def test_model(path, runtime, options):
    interpreter = Interpreter(path, num_threads=2, runtime=runtime, delegate_options=options)
    assert_answers(interpreter, np.load(path.with_suffix(".npz")))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_other_batch_sizes(runtime):
    interpreter = Interpreter(FILES[0], runtime=runtime)
    for size in (1, 2, 3):
        assert_answers(interpreter, np.load(FILES[0].with_suffix(".npz")), batch_size=size)
