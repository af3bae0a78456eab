"""The code of docs/search.md runs."""

import re
from pathlib import Path

import pytest

import keras_groupnet as kgn

pytestmark = pytest.mark.filterwarnings("ignore:.*(currentThread|getName):DeprecationWarning")
PAGE = Path(__file__).parents[2] / "docs" / "search.md"


def test_the_code_of_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    method, search, space, *_ = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {"kgn": kgn}
    exec(method, names)
    assert names["method"].partition == (2, 1, 5)
    exec(search.replace("trials=20", "trials=1").replace("epochs=5", "epochs=1"), names)
    assert "val_accuracy" in capsys.readouterr().out
    assert names["model"].output_shape == (None, 10) and Path("pareto.svg").is_file()
    exec(space, names)
    assert names["space"].size == 6 * 7
