"""Models with layers of the user's, as a user types it: each in a process of its own."""

import os
import subprocess
import sys

import keras
import pytest

from keras_groupnet.cli import main as cli

MODULE = """
import helper
import keras

@keras.saving.register_keras_serializable(package="mine")
class Double(keras.layers.Layer):
    def call(self, x):
        return helper.FACTOR * x

@keras.saving.register_keras_serializable(package="mine")
def own_loss(target, prediction):
    return keras.ops.mean((target - prediction) ** 2)
"""
SAVE = """
import keras, own
inputs = keras.Input((4, 4, 3))
x = own.Double()(keras.layers.Conv2D(2, 3)(inputs))
model = keras.Model(inputs, x)
model.compile("adam", own.own_loss)
model.save("model.keras")
"""


def groupnet(folder, *arguments):
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from keras_groupnet.cli.main import run; sys.exit(run())",
        ]
        + list(arguments),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a saved model, the module of its layer, and what that imports."""
    path = tmp_path_factory.mktemp("own")
    (path / "own.py").write_text(MODULE)
    (path / "helper.py").write_text("FACTOR = 2.0")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), os.getcwd()])}
    subprocess.run([sys.executable, "-c", SAVE], cwd=path, env=environment, check=True)
    return path


@pytest.mark.parametrize("module", ["own", "own.py"])
def test_a_module_is_imported(folder, module):
    result = groupnet(folder, "summary", "model.keras", f"--import={module}")
    assert result.returncode == 0 and "conv2d" in result.stdout, result.stderr
    # What the libraries print does not belong on the terminal.
    assert result.stderr == ""


def test_a_file_of_another_folder(folder, tmp_path):
    result = groupnet(tmp_path, "summary", str(folder / "model.keras"), f"--import={folder}/own.py")
    assert result.returncode == 0 and "conv2d" in result.stdout, result.stderr


def test_without_it(folder):
    result = groupnet(folder, "summary", "model.keras")
    assert result.returncode == 1
    assert "Double" in result.stderr and "--import" in result.stderr
    assert result.stderr.count("\n") == 1 and len(result.stderr) < 1000


def test_a_module_that_cannot_be_imported(folder):
    result = groupnet(folder, "summary", "model.keras", "--import=no.such.module")
    assert result.returncode == 2
    assert "--import=no.such.module failed with ModuleNotFoundError" in result.stderr


def test_loss_and_optimizer_do_not_matter(tmp_path, capsys):
    def loss(target, prediction):
        return keras.ops.mean(target - prediction)

    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))
    model.compile("adam", loss)
    model.save(tmp_path / "model.keras")
    with pytest.raises(TypeError, match="loss"):
        keras.models.load_model(tmp_path / "model.keras")
    assert cli.run(["summary", str(tmp_path / "model.keras")]) == 0
    assert "conv2d" in capsys.readouterr().out
