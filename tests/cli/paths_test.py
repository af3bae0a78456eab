import os
import zipfile

import pytest
from absl import app

from keras_groupnet.cli import paths


def test_models(tmp_path):
    good = tmp_path / "model.keras"
    with zipfile.ZipFile(good, "w") as file:
        file.writestr("config.json", "{}")
    assert paths.model_file(str(good)) == good
    (tmp_path / "text.keras").write_text("no model")
    good.rename(tmp_path / "model.zip")
    for name, message in [
        ("text.keras", "not a Keras model file"),
        ("model.zip", "not a Keras model file"),
        ("none.keras", "no such file"),
        (".", "is a folder"),
    ]:
        with pytest.raises(app.UsageError, match=message):
            paths.model_file(str(tmp_path / name))


def test_files_to_write(tmp_path):
    target = tmp_path / "model.tflite"
    assert paths.output_file(str(target), ".tflite") == target
    target.write_bytes(b"")
    assert paths.output_file(str(target), ".tflite") == target
    (tmp_path / "folder.tflite").mkdir()
    for name, message in [
        ("model.keras", "ends in .tflite"),
        ("none/model.tflite", "no such folder.*none"),
        ("folder.tflite", "is a folder"),
    ]:
        with pytest.raises(app.UsageError, match=message):
            paths.output_file(str(tmp_path / name), ".tflite")


def test_folders_to_write(tmp_path):
    new = tmp_path / "a" / "b"
    assert paths.output_folder(str(new)) == new and not new.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(app.UsageError, match="is a file"):
        paths.output_folder(str(tmp_path / "file"))
    with pytest.raises(app.UsageError, match="file cannot be written"):
        paths.output_folder(str(tmp_path / "file" / "folder"))


def test_what_may_not_be_written(tmp_path, monkeypatch):
    # The superuser may write everywhere, so the system's answer is replaced.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(app.UsageError, match="cannot be written.*permissions"):
        paths.output_file(str(tmp_path / "model.keras"), ".keras")
    with pytest.raises(app.UsageError, match="cannot be written.*another folder"):
        paths.output_folder(str(tmp_path / "run"))
