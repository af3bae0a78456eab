"""The code of docs/distillation.md, as it stands there."""

import re
from pathlib import Path

import keras

PAGE = Path(__file__).parents[2] / "docs" / "distillation.md"


def test_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = "\n\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102
    assert "group2_sum <- stage2_block1_add2" in capsys.readouterr().out
    assert isinstance(keras.models.load_model("student.keras"), keras.Model)
    (history,) = list(names["result"].history.values())[-1:]
    assert history["distillation_loss"][0] > 0
