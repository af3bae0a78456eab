"""The code of docs/training_statistics.md, as it stands there."""

import re
from pathlib import Path

import keras

PAGE = Path(__file__).parents[2] / "docs" / "training_statistics.md"


def test_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = "\n\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102
    assert "2 stage1_block1_base2_conv1 0." in capsys.readouterr().out
    rows = (tmp_path / "run" / "1_bnn" / "statistics.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 and rows[1].startswith("1,stage1_block1_conv1,0.")
    if keras.backend.backend() != "jax":  # as the page says
        assert 0 < names["history"]["flip_ratio"][0] < 1
