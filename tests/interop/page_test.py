"""The code of docs/exporting.md, as it stands there."""

import re
from pathlib import Path

import keras
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

PAGE = Path(__file__).parents[2] / "docs" / "exporting.md"


def promised(code):
    """What the page says that its code prints."""
    return re.search(r"# (\d+ \d+)$", code, re.MULTILINE).group(1)


def test_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    model, c_file, qonnx = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for code in (model, c_file):
        exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102
    assert capsys.readouterr().out.strip() == promised(c_file)
    prototype = re.search(r"^void net_run.*?;", PAGE.read_text(), re.MULTILINE).group()
    assert prototype in Path("net.c").read_text()
    pytest.importorskip("onnx", reason="QONNX export needs onnx (extra `qonnx`)")
    exec(compile(qonnx, str(PAGE), "exec"), names)  # noqa: S102
    assert capsys.readouterr().out.strip() == promised(qonnx)
