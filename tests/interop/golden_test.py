"""Models that Larq and tf.keras wrote, and what they answered (tests/golden/make_larq.py)."""

from pathlib import Path

import keras
import numpy as np
import pytest

import keras_groupnet as kgn

FOLDER = Path(__file__).parents[1] / "golden" / "larq"
NAMES = sorted(path.stem for path in FOLDER.glob("*.h5"))
if keras.backend.backend() != "tensorflow":
    # The layers are tested on each backend elsewhere, and JAX compiles each op of these models.
    NAMES = ["graph"]


def arrays(name, letter):
    with np.load(FOLDER / f"{name}.npz") as file:
        return [file[f"{letter}{i}"] for i in range(sum(key[0] == letter for key in file))]


def outputs(model, name):
    inputs = arrays(name, "x")
    found = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    if isinstance(found, dict):
        found = [found[key] for key in sorted(found)]
    found = found if isinstance(found, list) else [found]
    return [keras.ops.convert_to_numpy(one) for one in found]


@pytest.mark.parametrize("name", NAMES)
def test_the_outputs_are_those_of_larq(name, tmp_path):
    model = kgn.interop.from_larq(FOLDER / f"{name}.h5")
    found, expected = outputs(model, name), arrays(name, "y")
    assert len(found) == len(expected) > 0
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = outputs(keras.models.load_model(tmp_path / "model.keras"), name)
    for mine, theirs in zip(again, found, strict=True):
        np.testing.assert_array_equal(mine, theirs)
