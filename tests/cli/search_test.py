import csv
import functools
import json

import pytest

from keras_groupnet import tuning
from keras_groupnet.cli.commands import search
from keras_groupnet.cli.main import run
from tests.tuning.tiny_search import compile_model

pytestmark = pytest.mark.filterwarnings("ignore:.*(currentThread|getName):DeprecationWarning")


def test_the_choices_are_those_of_the_library():
    assert search.TUNERS == tuning.TUNERS and set(search.COSTS) == set(tuning.COSTS)


def test_a_search_writes_tables_and_a_plot_and_goes_on(tmp_path, capsys, monkeypatch):
    # Without compilation, which takes longer than all the training.
    eager = functools.partial(tuning.search, compile_model=compile_model)
    monkeypatch.setattr(tuning, "search", eager)
    folder = tmp_path / "found"
    command = ["search", str(folder), "--model=resnet", "--blocks=1,1", "--filters=2,4"]
    command += ["--search_bases=1,2", "--epochs=1", "--batch_size=1437"]
    assert run([*command, "--trials=1"]) == 0
    assert run([*command, "--trials=2"]) == 0
    out = capsys.readouterr().out
    assert "Best: methods.GroupNet(bases=(" in out
    assert "groupnet train --partition=" in out
    with (folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["0", "1"]
    assert set(rows[0]["bases"].split()) <= {"1", "2"}
    front = json.loads((folder / "pareto.json").read_text())
    assert front and sum(front[0]["partition"]) == 2
    assert "<svg" in (folder / "pareto.svg").read_text()
    assert not list(folder.glob("unfinished*"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "folder to write to"),
        (["found", "--bases=3"], "--bases is what is searched"),
        (["found", "--search_bases=0,1"], "at least 1"),
        (["found", "--search_bits=3"], "1, 2, 4 and 32"),
        (["found", "--tuner=grid"], "random"),
        (["found", "--parent=nothing.keras"], "no such file"),
    ],
)
def test_wrong_calls(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["search", *arguments]) == 2
    assert message in capsys.readouterr().err
