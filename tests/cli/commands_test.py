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
    assert (tmp_path / "run" / "1_group_net" / "epoch-000002").is_dir()
    rows = (tmp_path / "run" / "1_group_net" / "statistics.csv").read_text().splitlines()
    assert rows[0].startswith("epoch,layer,flip_ratio") and rows[-1].startswith("2,stage2_block1")
    shown = capsys.readouterr().out
    assert "test accuracy" in shown and "goes on after epoch 1" in shown
    # Another network has another folder.
    assert cli.run(["train", path, *resumable, "--epochs=2", "--bases=3"]) == 1
    assert "another folder" in capsys.readouterr().err


SMALL = ["--model=wide_resnet", "--depth=10", "--stages=4,4,8,8", "--batch_size=512"]


def test_train_with_a_method(tmp_path, capsys):
    parent, path = str(tmp_path / "parent.keras"), str(tmp_path / "rbcn.keras")
    common = [*SMALL, "--epochs=1"]
    assert cli.run(["train", parent, *common, "--method=full_precision"]) == 0
    method = [*common, "--method=rbcn"]
    assert cli.run(["train", path, *method, f"--teacher={parent}"]) == 0
    assert "Stage 1 of 1, rbcn, 1 epochs" in capsys.readouterr().out
    assert "RectifiedConv2D" in {type(x).__name__ for x in keras.models.load_model(path).layers}
    assert cli.run(["train", path, *common, "--method=bnn", f"--teacher={parent}"]) == 2
    assert "--teacher: bnn learns from none" in capsys.readouterr().err


def test_train_trains_the_teacher(tmp_path, capsys):
    path = str(tmp_path / "rbcn.keras")
    resumable = ["train", path, *SMALL, "--method=rbcn", f"--checkpoint={tmp_path / 'run'}"]
    assert cli.run([*resumable, "--epochs=2,1"]) == 0
    shown = capsys.readouterr().out
    assert "Stage 1 of 2, full_precision as the teacher, 2 epochs" in shown
    assert "Stage 2 of 2, rbcn, 1 epochs" in shown
    assert cli.run([*resumable, "--epochs=2,1"]) == 0
    assert capsys.readouterr().out.count("has finished before") == 2


def test_train_goes_through_the_stages_of_a_method(tmp_path, capsys):
    path = str(tmp_path / "pcnn.keras")
    assert cli.run(["train", path, *SMALL, "--method=pcnn", "--epochs=1"]) == 0
    shown = capsys.readouterr().out
    assert "Stage 1 of 2, pcnn with levels=3, 1 epochs" in shown
    assert "Stage 2 of 2, pcnn, 1 epochs" in shown
    levels = {x.levels for x in keras.models.load_model(path).layers if hasattr(x, "levels")}
    assert levels == {2}


def test_convert_writes_a_file_that_runs(trained, tmp_path, capsys):
    path = tmp_path / "digits.tflite"
    assert cli.run(["convert", str(trained), str(path), "--data=digits"]) == 0
    assert "mismatched top-1" in capsys.readouterr().out
    images = np.zeros((3, 8, 8, 1), np.float32)
    expected = keras.models.load_model(trained).predict(images, verbose=0)
    np.testing.assert_allclose(Interpreter(path).predict(images), expected, atol=1e-4)


def test_export_c(trained, tmp_path, capsys):
    file, path = tmp_path / "digits.tflite", tmp_path / "digits.c"
    assert cli.run(["convert", str(trained), str(file)]) == 0
    assert cli.run(["export_c", str(file), str(path), "--name=net"]) == 0
    assert "net_run" in capsys.readouterr().out and "void net_run(" in path.read_text()
    assert cli.run(["export_c", str(trained), str(path)]) == 0
    assert "void digits_run(" in path.read_text()
    assert cli.run(["export_c", str(file), str(tmp_path / "digits.h")]) == 2
    assert cli.run(["export_c", str(tmp_path / "none.tflite"), str(path)]) == 2
    assert cli.run(["export_c", str(file), str(path), "--name=2"]) == 1
    assert "Expected a name as C has them" in capsys.readouterr().err


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


def test_summary_with_a_profile(trained, capsys):
    assert cli.run(["summary", str(trained), "--profile=avx2"]) == 0
    assert "profile 'avx2'" in capsys.readouterr().out
    assert cli.run(["summary", str(trained), "--profile=avx3"]) == 1
    assert "'avx2', 'avx512'. Received: profile='avx3'" in capsys.readouterr().err


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
    assert all(text in shown for text in ("8x8x16", "peak", "1 bit", "2 bit", "int8"))


def test_verify(trained, tmp_path, capsys):
    path = tmp_path / "digits.tflite"
    assert cli.run(["convert", str(trained), str(path)]) == 0
    assert cli.run(["verify", str(trained), str(path), "--data=digits"]) == 0
    # The weights of another model.
    model = keras.models.load_model(trained, compile=False)
    for variable in model.trainable_variables:
        variable.assign(-variable)
    other = tmp_path / "other.keras"
    model.save(other)
    assert cli.run(["verify", str(other), str(path)]) == 1


def test_convert_knows_the_old_flag(trained, tmp_path, capsys):
    path = str(tmp_path / "digits.tflite")
    assert cli.run(["convert", str(trained), path, "--first_last=float"]) == 0
    assert "--float_layers" in capsys.readouterr().out
    assert cli.run(["convert", str(trained), path, "--float_layers=int8"]) == 2
    assert "needs --data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--method=el_net", "--epochs=1,2"], "one for each of the 5"),
        (["train", "--method=hwgq", "--recipe=paper"], "--recipe=adam"),
        (["train", *TINY, "--partition=3,4"], "partition"),
        (["train", "--model=vgg_small", "--depth=3"], "depth"),
        (["summary", *TINY, "--partition=1,x"], "1,x"),
        (["summary", *TINY, "--input_shape=8,8"], "input_shape"),
    ],
)
def test_mistakes_that_only_keras_can_find(arguments, message, tmp_path, capsys):
    name, *rest = arguments
    target = tmp_path / "model.keras"
    assert cli.run([name, *([str(target)] if name == "train" else []), *rest]) == 2
    assert message in capsys.readouterr().err and not target.exists()
