import os
import subprocess
import sys

import pytest

import keras_groupnet


def run(code, **environment):
    """Runs `code` in a fresh Python."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_public_name_is_there():
    assert keras_groupnet.__all__ == sorted(keras_groupnet.__all__)
    for name in keras_groupnet.__all__:
        if name not in ("convert", "lite", "to_binary"):
            assert getattr(keras_groupnet, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keras_groupnet.nothing


def test_training_does_not_import_tensorflow():
    pytest.importorskip("jax")
    code = "import sys, keras_groupnet; assert 'tensorflow' not in sys.modules"
    result = run(code, KERAS_BACKEND="jax")
    assert result.returncode == 0, result.stderr


def test_running_files_needs_no_keras():
    code = """
import sys
from importlib.machinery import PathFinder

class WithoutKeras(PathFinder):
    @classmethod
    def find_spec(cls, name, *arguments):
        return None if name.split(".")[0] == "keras" else super().find_spec(name, *arguments)

sys.meta_path[:] = [f for f in sys.meta_path if f is not PathFinder] + [WithoutKeras]
import keras_groupnet
assert keras_groupnet.lite.Interpreter
assert "keras" not in sys.modules
"""
    result = run(code)
    assert result.returncode == 0, result.stderr
