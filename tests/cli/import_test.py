"""`groupnet import`."""

from pathlib import Path

import h5py
import keras
import pytest

from keras_groupnet.cli import main as cli

SEQUENTIAL = Path(__file__).parents[1] / "golden" / "larq" / "sequential.h5"


def test_import_writes_a_model(tmp_path, capsys):
    path = tmp_path / "net.keras"
    assert cli.run(["import", str(SEQUENTIAL), str(path)]) == 0
    assert "layers" in capsys.readouterr().out
    names = [layer.name for layer in keras.models.load_model(path).layers]
    assert names[1] == "quant_conv2d"
    assert [file.name for file in tmp_path.iterdir()] == ["net.keras"]


def test_mistakes_leave_no_file(tmp_path, capsys):
    weights = tmp_path / "weights.h5"
    with h5py.File(weights, "w") as file:
        file.attrs["layer_names"] = []
    target = tmp_path / "net.keras"
    for arguments, code, message in [
        ([str(weights), str(target)], 1, "save_weights wrote the weights alone"),
        ([str(tmp_path / "no.h5"), str(target)], 2, "no such file"),
        ([str(SEQUENTIAL), str(tmp_path / "net.tflite")], 2, ".keras"),
        ([str(SEQUENTIAL)], 2, "Expected the .h5 file of a model"),
    ]:
        assert cli.run(["import", *arguments]) == code
        assert message in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["weights.h5"]


@pytest.mark.parametrize("content", [b"", b"no HDF5 file"])
def test_a_file_of_something_else(tmp_path, capsys, content):
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    assert cli.run(["import", str(path), str(tmp_path / "net.keras")]) == 1
    assert "which is none" in capsys.readouterr().err
