"""Exit codes, help and messages; what the commands do is tested in commands/."""

import pytest

from keras_groupnet.cli import main as cli


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
    assert "--bases=many" in capsys.readouterr().err


def test_wrong_arguments(command, capsys):
    assert cli.run([command, "a", "b", "c"]) == 2
    assert "Expected" in capsys.readouterr().err


def test_failure_is_one_line(capsys, tmp_path):
    assert cli.run(["convert", str(tmp_path / "none.keras"), str(tmp_path / "x.tflite")]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("groupnet: ") and captured.err.count("\n") == 1
    assert "none.keras" in captured.err


def test_debug_raises(tmp_path):
    with pytest.raises(ValueError, match="none.keras"):
        cli.run(["convert", str(tmp_path / "none.keras"), str(tmp_path / "x.tflite"), "--debug"])
