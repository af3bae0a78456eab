"""The code of docs/search.md runs."""

import re
from pathlib import Path

import pytest

import keras_groupnet as kgn
from tests.tuning.tiny_search import compile_model

pytestmark = pytest.mark.filterwarnings("ignore:.*(currentThread|getName):DeprecationWarning")
PAGE = Path(__file__).parents[2] / "docs" / "search.md"


def test_the_code_of_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    method, search, cost, expanded, space, *_ = re.findall(
        r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    names = {"kgn": kgn}
    exec(method, names)
    assert names["method"].partition == (2, 1, 5)
    # Without compilation, which takes longer than all the training.
    names["compile_model"] = compile_model
    for text, shorter in (
        ("trials=20", "trials=1, compile_model=compile_model"),
        ("epochs=5", "epochs=1"),
        ("[:kept]", "[:32]"),
        ("[kept:]", "[1405:]"),
    ):
        assert text in search
        search = search.replace(text, shorter)
    exec(search, names)
    exec(cost, names)
    assert names["cost"](names["model"]) > 0
    assert "val_accuracy" in capsys.readouterr().out
    assert names["model"].output_shape == (None, 10) and Path("pareto.svg").is_file()
    exec(space, names)
    assert names["space"].size == 6 * 7
    exec(
        expanded.replace("trials=20", "trials=1, epochs=1, compile_model=compile_model"),
        names,
    )
    assert sum(names["result"].best.partition) == 3
