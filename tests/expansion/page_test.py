"""The code of docs/expansion.md runs as it stands there."""

import pathlib
import re

import keras

import keras_groupnet as kgn

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "expansion.md"


def test_the_code_of_the_page(capsys):
    names: dict = {}
    nets = []
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(code, names)  # noqa: S102
        nets.append(names["net"])
    printed = capsys.readouterr().out
    assert "layers become low-bit" in printed and str(names["plan"].table.binary_share) in printed
    assert len({id(net) for net in nets}) == 3
    assert all(isinstance(net, keras.Model) for net in nets)
    sums = [layer for layer in nets[2].layers if isinstance(layer, kgn.layers.GroupSum)]
    assert [layer.scales.shape for layer in sums] == [(3,), (1,)]
