"""Files that earlier versions saved still load, and give what they gave."""

from pathlib import Path

import keras
import numpy as np

import keras_groupnet  # noqa: F401  registers the layers
from tests.tensors import array

SAVED = Path(__file__).parent / "saved"


def test_every_layer_of_an_earlier_version():
    model = keras.models.load_model(SAVED / "every_layer.keras")
    with np.load(SAVED / "every_layer.npz") as saved:
        np.testing.assert_allclose(array(model(saved["x"])), saved["y"], atol=1e-5)
    assert model.get_layer("quant_conv2d").pad_values == 1.0
