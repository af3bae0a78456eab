"""`groupnet expand`."""

import keras
import pytest

from keras_groupnet.cli import main as cli
from tests.expansion.networks import residual_net


@pytest.fixture
def parent(tmp_path):
    path = tmp_path / "parent.keras"
    residual_net().save(path)
    return path


def test_expand_writes_a_network(parent, tmp_path, capsys):
    path = tmp_path / "net.keras"
    flags = ["--bases=2", "--partition=1,2", "--keep=first,last,b3_conv2*"]
    assert cli.run(["expand", str(parent), str(path), *flags]) == 0
    printed = capsys.readouterr().out
    assert "5 of 8 layers become low-bit" in printed and "keep='b3_conv2*'" in printed
    net = keras.models.load_model(path)
    assert net.get_layer("base2_b1_conv1").kernel_quantizer is not None
    assert type(net.get_layer("base2_b3_conv2")) is keras.layers.Conv2D
    assert sorted(file.name for file in tmp_path.iterdir()) == ["net.keras", "parent.keras"]


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--keep=b1_conv"], 1, "Did you mean"),
        (["--method=bnn", "--bases=2"], 2, "goes without --bases"),
        (["--partition=2,2"], 1, "sum to the number of blocks"),
        (["--activation_bits=3"], 2, "must be 1, 2, 4 or 32"),
    ],
)
def test_mistakes_leave_no_file(parent, tmp_path, capsys, flags, code, message):
    assert cli.run(["expand", str(parent), str(tmp_path / "net.keras"), *flags]) == code
    assert message in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["parent.keras"]
