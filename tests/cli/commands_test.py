"""The commands one after the other, as a user types them."""

import keras
import numpy as np
import pytest

from keras_groupnet.cli import main as cli
from keras_groupnet.lite import Interpreter

TINY = ["--model=resnet", "--blocks=1,1", "--filters=8,16", "--bases=2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("commands") / "digits.keras"
    assert cli.run(["train", str(path), *TINY, "--epochs=1"]) == 0
    return path


def test_train_saves_a_model(trained):
    model = keras.models.load_model(trained)
    assert model.input_shape == (None, 8, 8, 1) and model.output_shape == (None, 10)


def test_train_resumes_and_starts_from_a_parent(tmp_path, capsys):
    parent, path = str(tmp_path / "parent.keras"), str(tmp_path / "model.keras")
    common = [*TINY, "--batch_size=512"]
    assert cli.run(["train", parent, *common, "--bases=0", "--epochs=1", "--recipe=paper"]) == 0
    resumable = [*common, f"--checkpoint={tmp_path / 'run'}", f"--parent={parent}"]
    assert cli.run(["train", path, *resumable, "--epochs=1"]) == 0
    assert cli.run(["train", path, *resumable, "--epochs=2"]) == 0
    assert (tmp_path / "run" / "epoch-000002").is_dir()
    assert "test accuracy" in capsys.readouterr().out


def test_train_with_a_method(tmp_path, capsys):
    parent, path = str(tmp_path / "parent.keras"), str(tmp_path / "rbcn.keras")
    common = ["--model=wide_resnet", "--depth=10", "--stages=4,4,8,8", "--batch_size=512"]
    common.append("--epochs=1")
    assert cli.run(["train", parent, *common, "--method=full_precision"]) == 0
    method = [*common, "--method=rbcn"]
    assert cli.run(["train", path, *method]) == 2
    assert "--teacher" in capsys.readouterr().err
    assert cli.run(["train", path, *method, f"--teacher={parent}"]) == 0
    assert "RectifiedConv2D" in {type(x).__name__ for x in keras.models.load_model(path).layers}


def test_convert_writes_a_file_that_runs(trained, tmp_path, capsys):
    path = tmp_path / "digits.tflite"
    assert cli.run(["convert", str(trained), str(path), "--data=digits"]) == 0
    assert "mismatched top-1" in capsys.readouterr().out
    images = np.zeros((3, 8, 8, 1), np.float32)
    expected = keras.models.load_model(trained).predict(images, verbose=0)
    np.testing.assert_allclose(Interpreter(path).predict(images), expected, atol=1e-4)


def test_convert_compresses(trained, tmp_path, capsys):
    path = tmp_path / "digits.tflite"
    assert cli.run(["convert", str(trained), str(path), "--compress=huffman", "--cluster=8"]) == 0
    shown = capsys.readouterr().out
    assert "Compression of the binary weights" in shown and "entropy" in shown
    assert Interpreter(path).predict(np.zeros((3, 8, 8, 1), np.float32)).shape == (3, 10)


def test_summary_of_a_file_and_of_the_zoo(trained, capsys):
    assert cli.run(["summary", str(trained)]) == 0
    of_the_file = capsys.readouterr().out
    assert cli.run(["summary", *TINY, "--stem=cifar", "--input_shape=8,8,1", "--classes=10"]) == 0
    assert capsys.readouterr().out == of_the_file


def test_benchmark_shows_the_baselines(capsys):
    size = ["--input_shape=16,16,3", "--classes=10", "--runs=1", "--stem=cifar"]
    assert cli.run(["benchmark", *TINY, *size]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("ours", "ours+int8", "float32", "MiB", "threads 1"))
    vgg = ["--model=vgg_small", "--method=bnn", "--filters=8,8,8,8,8,8", "--runs=1"]
    assert cli.run(["benchmark", *vgg, "--input_shape=16,16,3", "--classes=10"]) == 0
    assert "bnn" in capsys.readouterr().out


def test_benchmark_layers_compares_single_convolutions(capsys):
    assert cli.run(["benchmark_layers", "--shapes=8x8x16", "--bits=1,2", "--runs=1"]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("8x8x16", "limit", "1 bit", "2 bit", "int8"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["benchmark", "--bases=0"], 2, "--bases"),
        (["train", "model.h5"], 2, ".keras"),
        (["train", "model.keras", "--data=folder"], 2, "--data_path"),
        (["train", "model.keras", "--data=mnist"], 1, "name='mnist'"),
        (["train", "model.keras", "--activation_bits=3"], 1, "activation_bits=3"),
        (["summary", "--filters=8,x"], 2, "8,x"),
        (["summary", "--method=bnn", "--bases=3"], 2, "--bases"),
        (["summary", "--method=bnm"], 1, "method='bnm'"),
    ],
)
def test_mistakes(arguments, code, message, capsys):
    assert cli.run(arguments) == code
    assert message in capsys.readouterr().err
