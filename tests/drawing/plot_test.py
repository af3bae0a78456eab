"""The picture: the same model gives the same bytes, and every layer is named in it."""

import sys
from xml.etree import ElementTree

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.drawing.drawing import Drawing
from keras_groupnet.drawing.network import Network, Node

L = keras.layers


@pytest.fixture(scope="module")
def model():
    return kgn.models.ResNet((8, 8, 3), 4, 2, stem="cifar", blocks=(1, 1), filters=(4, 8))


def texts(svg):
    root = ElementTree.fromstring(svg)
    return ["".join(one.itertext()).strip() for one in root.iter() if one.tag.endswith("}text")]


def test_the_svg_says_what_the_model_is(model):
    found = texts(kgn.plot(model).svg)
    assert found.count("2 bases") == 2 and found.count("λ₁") == 2 and found.count("Σ") == 2
    assert "conv 3×3, 8 /2  W1A1" in found and "8×8×4" in found and "dense 4" in found


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_same_model_gives_the_same_bytes(model, suffix, tmp_path):
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    kgn.plot(model, first)
    kgn.plot(model, second)
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == [first.name, second.name]


def test_the_png_is_a_picture(model, tmp_path):
    from matplotlib import image

    kgn.plot(model, tmp_path / "model.png")
    pixels = (255 * image.imread(tmp_path / "model.png")[..., :3]).astype(np.uint8)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100


def test_a_notebook_shows_it(model):
    drawing = kgn.plot(model)
    assert drawing._repr_svg_() is drawing.svg
    assert repr(drawing) == "<Drawing of 'resnet'>"


def test_names_are_text():
    node = Node("<i>$a_1$", "dense 2 & more", "float", "float", (2,))
    assert {"a<b>&$x_1$", "<i>$a_1$", "dense 2 & more"} <= set(
        texts(Drawing(Network("a<b>&$x_1$", [node])).svg)
    )


def test_parts_of_every_kind_are_drawn():
    inputs = keras.Input((4,))
    a, b = L.Dense(4)(inputs), L.Dense(4)(inputs)
    c, d = L.Add()([a, b]), L.Subtract()([a, b])
    tangled = L.Concatenate()([L.Dense(3)(c), L.Dense(3)(d), L.Dense(3)(a), L.Dense(3)(b)])
    for _ in range(14):
        tangled = L.Dense(5)(tangled)
    model = keras.Model(inputs, [L.Dense(2)(tangled), L.Dense(3)(tangled)])
    found = texts(kgn.plot(model).svg)
    assert "× 14" in found and "dense 2" in found


def test_paths_that_cannot_be_written(model, tmp_path):
    with pytest.raises(ValueError, match="ends in .svg or .png"):
        kgn.plot(model, tmp_path / "model.pdf")
    with pytest.raises(ValueError, match="Make it first"):
        kgn.plot(model, tmp_path / "nowhere" / "model.svg")


def test_without_matplotlib_the_extra_is_named(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"keras-groupnet\[plot\]"):
        _ = kgn.plot(model).svg
