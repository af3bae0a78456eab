"""The code of docs/importing.md, as it stands there, on golden files."""

import json
import re
import shutil
from pathlib import Path

import h5py
import keras
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")
pytest.importorskip("litert_quantizer", reason="int8 needs the LiteRT quantizer")

PAGE = Path(__file__).parents[2] / "docs" / "importing.md"
GOLDEN = Path(__file__).parents[1] / "golden"


def write_own_layers(path):
    """A file with the things that the page's `custom_objects` name."""
    layers = [
        ("InputLayer", "input", {"batch_input_shape": [None, 4]}),
        ("Shift", "shift", {"by": 1.0}),
        ("Lambda", "double", {"function": ["bytes", None, None]}),
        ("QuantDense", "dense", {"units": 2, "use_bias": False, "kernel_quantizer": "my_sign"}),
    ]
    config = {
        "name": "own",
        "layers": [
            {"class_name": kind, "config": {"name": name, **config}}
            for kind, name, config in layers
        ],
    }
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config})
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = ["dense"]
        group = weights.create_group("dense")
        group.attrs["weight_names"] = ["dense/kernel:0"]
        group["dense/kernel:0"] = [[0.5, -1.0]] * 4


@pytest.mark.filterwarnings("ignore:Layer .* does not have a")
def test_the_code_of_the_page(tmp_path, monkeypatch):
    shutil.copy(GOLDEN / "larq" / "sequential.h5", tmp_path / "larq_model.h5")
    shutil.copy(GOLDEN / "tfmot" / "pruned.h5", tmp_path)
    write_own_layers(tmp_path / "own_layers.h5")
    monkeypatch.chdir(tmp_path)
    code = "\n\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    seen: dict = {}
    exec(compile(code, str(PAGE), "exec"), seen)  # noqa: S102
    assert {"model.keras", "model.tflite"} <= {file.name for file in tmp_path.iterdir()}
    assert [layer.status for layer in seen["converted"].report.layers] == ["int8"]
