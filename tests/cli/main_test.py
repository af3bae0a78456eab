"""Exit codes, help and messages; what the commands do is tested in commands_test.py."""

import os
import subprocess
import sys

import pytest

from keras_groupnet import methods
from keras_groupnet.cli import main as cli
from keras_groupnet.cli import model_flags
from keras_groupnet.structure import groups


@pytest.fixture(params=sorted(cli.COMMANDS))
def command(request):
    return request.param


def test_overview_names_every_command(capsys):
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)


def test_version(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == cli.__version__


def test_help_of_a_command(command, capsys):
    assert cli.run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"groupnet {command} ")
    assert "--[no]debug" in shown
    assert shown.count("--[no]help") == 1


@pytest.mark.parametrize("arguments", [[], ["tarin"]])
def test_no_such_command(arguments, capsys):
    assert cli.run(arguments) == 2
    captured = capsys.readouterr()
    assert "benchmark" in captured.out + captured.err


def test_wrong_flag(command, capsys):
    assert cli.run([command, "--no_such_flag=1"]) == 2
    message = capsys.readouterr().err
    assert "no_such_flag" in message and f"groupnet {command} --help" in message


def test_wrong_value(capsys):
    assert cli.run(["benchmark", "--bases=many"]) == 2
    message = capsys.readouterr().err
    assert "--bases" in message and "'many'" in message


def test_wrong_arguments(command, capsys):
    assert cli.run([command, "a", "b", "c"]) == 2
    assert "Expected" in capsys.readouterr().err


MISTAKES = [
    ["tarin"],
    ["train", "--no_such_flag"],
    ["train", "model.h5"],
    ["train", "no/such/folder/model.keras"],
    ["train", "model.keras", "--activation_bits=3"],
    ["train", "model.keras", "--activation_bits=1,3"],
    ["train", "model.keras", "--bases=3,0"],
    ["train", "model.keras", "--bases=3,x"],
    ["train", "model.keras", "--method=bnm"],
    ["train", "model.keras", "--method=bnn", "--bases=3"],
    ["train", "model.keras", "--data=mnist"],
    ["train", "model.keras", "--data=folder"],
    ["train", "model.keras", "--data=cifar10", "--data_path=no/such/folder"],
    ["train", "model.keras", "--teacher=none.keras"],
    ["train", "model.keras", "--parent=none.keras"],
    ["train", "model.keras", "--epochs=5,x"],
    ["train", "model.keras", "--epochs=0"],
    ["train", "model.keras", "--import=none.py"],
    ["convert", "none.keras", "model.tflite"],
    ["verify", "none.keras", "none.tflite"],
    ["summary", "none.keras"],
    ["summary", "--filters=8,x"],
    ["summary", "--input_shape=8,x,3"],
    ["benchmark", "--bases=0"],
    ["benchmark_layers", "--shapes=8x8"],
    ["benchmark_layers", "--bits=3"],
    ["demo", "--activation_bits=5"],
]


def test_mistakes_say_what_was_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for arguments in MISTAKES:
        assert cli.run(arguments) == 2, arguments
        message = capsys.readouterr().err
        assert message.startswith("groupnet: ") and message.count("\n") == 1, message
        wrong = [argument.rpartition("=")[2].lstrip("-") for argument in arguments[-2:]]
        assert any(text in message for text in wrong), message
        assert "groupnet" in message.partition("See")[2]
    assert not list(tmp_path.iterdir())


def test_help_and_mistakes_import_nothing_slow(tmp_path):
    """What takes time is Keras and its backend; what they write is noise."""
    answered = [["--version"], ["--help"], *([name, "--help"] for name in cli.COMMANDS), *MISTAKES]
    code = f"""
import sys
from keras_groupnet.cli.main import run
codes = [run(arguments) for arguments in {answered!r}]
assert codes == [0] * {len(cli.COMMANDS) + 2} + [2] * {len(MISTAKES)}, codes
slow = {{"keras", "tensorflow", "jax", "ai_edge_litert", "numpy"}} & set(sys.modules)
assert not slow, slow
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=os.environ
    )
    assert result.returncode == 0, result.stderr
    assert all(line.startswith("groupnet: ") for line in result.stderr.splitlines())


def test_the_names_that_are_known_before_keras_are_those_of_the_library():
    assert list(model_flags.METHODS) == methods.names()
    assert model_flags.ACTIVATION_BITS == groups.ACTIVATION_BITS
    for name, choices in model_flags.CHOICES.items():
        for choice in choices:
            assert getattr(methods.GroupNet(**{name: choice}), name) == choice
        with pytest.raises(ValueError, match=name) as caught:
            methods.GroupNet(**{name: "other"})
        assert str(tuple(choices)) in str(caught.value)


def broken_model(folder):
    """A file that looks like a model's from outside."""
    import zipfile

    with zipfile.ZipFile(folder / "broken.keras", "w") as file:
        file.writestr("config.json", "{}")
    return str(folder / "broken.keras")


def test_failure_is_one_line(capsys, tmp_path):
    assert cli.run(["summary", broken_model(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("groupnet: ") and captured.err.count("\n") == 1
    assert "broken.keras cannot be loaded" in captured.err and "--debug" in captured.err


def test_debug_raises(tmp_path):
    with pytest.raises(RuntimeError, match=r"broken.keras.*--import"):
        cli.run(["summary", broken_model(tmp_path), "--debug"])
